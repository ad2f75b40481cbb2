//! Who uses the connections of the pools, and who waits for one.
//!
//! sqlx does not say which connection its hooks are called for, so the holder of each connection is not known. What is
//! known:
//!
//! * A transaction of `sqlx::begin` waits for its connection, and then holds it until its end.
//! * An instrumented call holds a connection from sqlx's event about the acquired connection to its end. Before that
//!   event it waits, if the same place in the source acquired one in its previous run. Without such an event it runs on
//!   a connection that its caller holds.
//! * A connection that was acquired in other ways may still be held. The flight recorder knows the root that acquired it.
//!
//! The uses are listed only while the flight recorder is on.

use std::{
    panic::Location,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::pools::PoolKey;
use crate::{evidence, recorder::try_lock, span_ids::SpanIds};

/// Number of parts with a lock of their own.
const SHARDS: usize = 16;

/// Maximum number of uses in a part.
///
/// With more, the newest are not listed. Those that hold a connection are older than those that wait for them.
const MAX_USES: usize = 256;

static USES: [Mutex<Vec<Weak<dyn UsesConnection>>>; SHARDS] =
    [const { Mutex::new(Vec::new()) }; SHARDS];

/// The number of uses that are not listed.
static UNLISTED: AtomicU64 = AtomicU64::new(0);

/// Something that uses a connection, or waits for one.
pub(crate) trait UsesConnection: Send + Sync {
    /// Returns the use at the moment; `None` if there is none.
    fn current_use(&self) -> Option<ConnectionUse>;
}

/// A use of a connection, or the wait for one.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionUse {
    /// The span of the use.
    pub(crate) ids: Option<SpanIds>,
    pub(crate) state: UseState,
    /// The time in this state.
    pub(crate) lasts: Duration,
    /// What uses the connection: a word.
    pub(crate) what: &'static str,
    pub(crate) site: &'static Location<'static>,
    /// The summary of the statement, as far as it is known or assumed.
    pub(crate) summary: Option<String>,
    /// The pool; `None` if it is not known.
    pub(crate) pool: Option<PoolKey>,
}

/// Whether a connection is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UseState {
    Holds,
    Waits,
    /// Waits, or uses its caller's connection.
    ///
    /// The first call from its place in the source.
    MayWait,
}

/// Lists a use until it is dropped; does nothing without a flight recorder.
pub(crate) fn list<U: UsesConnection + 'static>(user: &Arc<U>) {
    if !evidence::is_on() {
        return;
    }
    let user = Arc::downgrade(user);
    // The lowest bits of an address are those of its alignment.
    let shard = &USES[(user.as_ptr().addr() >> 7) % SHARDS];
    let listed = try_lock(shard).is_some_and(|mut uses| {
        if uses.len() >= MAX_USES {
            uses.retain(|user| user.strong_count() > 0);
        }
        let has_room = uses.len() < MAX_USES;
        if has_room {
            uses.push(user);
        }
        has_room
    });
    if !listed {
        UNLISTED.fetch_add(1, Ordering::Relaxed);
    }
}

/// Returns all uses, the longest first.
pub(super) fn all() -> Vec<ConnectionUse> {
    let mut found = Vec::new();
    for shard in &USES {
        // Copied, so that the lock is held only for a moment.
        let users = shard.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let users = users.iter().filter_map(Weak::upgrade);
        found.extend(users.filter_map(|user| user.current_use()));
    }
    found.sort_by_key(|found| std::cmp::Reverse(found.lasts));
    found
}

/// Returns the number of uses since the start that are not listed.
pub(super) fn unlisted() -> u64 {
    UNLISTED.load(Ordering::Relaxed)
}
