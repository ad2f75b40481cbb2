//! Model checks of the library's code without locks.
//!
//! Every order of the steps of the threads is run, and every value that a thread may read without a lock. The files under
//! test are compiled again here, with the atomic types of the model checker `loom`.
//!
//! Checked is what has an invariant across threads: the budget in bytes, the work that is done later because a lock was
//! taken, and the slots of the spans that threads have entered. The other atomics of the flight recorder and of the admin listener have none, and no memory is read or written
//! because of their values. They are counters, which only readers look at (`recorder/losses.rs`, `recorder/lines.rs`,
//! `recorder/failure_log.rs`, `db/connection_uses.rs`), counters with a limit that are added to before the limit is
//! compared, as in the budget (`recorder/local_roots.rs`, `traces/failures.rs`, `admin/streams.rs`), and flags that
//! are set once, or that ask for work which a later call repeats (`evidence.rs`, `admin/connections.rs`,
//! `recorder/local_roots.rs`). What `db/call_sites.rs` shares is replaced as a whole by the crate `arc-swap`, which
//! the model checker cannot run.

#![cfg(test)]

mod budget_model;
mod late_model;
mod slot_model;

/// Takes the place of the library's file, with the types of the model checker.
mod atomic {
    pub(super) use loom::sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence},
        mpsc::{Receiver, Sender, channel},
    };

    pub(super) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
        mutex.try_lock().ok()
    }
}

#[path = "../../../telemetry-crate/src/recorder/budget.rs"]
mod budget;

#[path = "../../../telemetry-crate/src/recorder/late.rs"]
mod late;

#[path = "../../../telemetry-crate/src/runtime/slot.rs"]
mod slot;
