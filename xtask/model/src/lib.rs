//! Model checks of the library's code without locks.
//!
//! Every order of the steps of the threads is run. The files under test are compiled again here, with the atomic types of
//! the model checker `loom`.

#![cfg(test)]

/// Takes the place of the library's file, with the types of the model checker.
mod atomic {
    pub(super) use loom::sync::atomic::{AtomicUsize, Ordering};
}

#[path = "../../../telemetry-crate/src/recorder/budget.rs"]
mod budget;

use loom::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use self::budget::Budget;

/// Takes bytes and returns them; meanwhile all threads have at most the limit.
fn take(budget: &Budget, taken: &AtomicUsize, bytes: usize) {
    if budget.reserve(bytes) {
        let all = taken.fetch_add(bytes, SeqCst) + bytes;
        assert!(all <= budget.max(), "{all} of {}", budget.max());
        taken.fetch_sub(bytes, SeqCst);
        budget.release(bytes);
    }
}

#[test]
fn budgets_are_never_exceeded() {
    loom::model(|| {
        let budget = Arc::new(Budget::new(10));
        let taken = Arc::new(AtomicUsize::new(0));
        let (other, also_taken) = (budget.clone(), taken.clone());
        let thread = thread::spawn(move || {
            take(&other, &also_taken, 6);
            take(&other, &also_taken, 4);
        });
        take(&budget, &taken, 6);
        assert!(thread.join().is_ok());
        // All bytes are free again.
        assert_eq!(budget.used(), 0);
        assert!(budget.reserve(10));
    });
}
