//! Connections that stay read-only after the database is writable again.
//!
//! SQLite opens a file without write permission for reading only, and the connection stays
//! read-only when the permission returns. A connection to a former primary server stays connected
//! to it while it answers as a replica. So the pool closes connections that are older than the last
//! refused write.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::Error;

use super::error_class::is_read_only;

/// Shortest interval of reopening connections while the database is read-only.
const MIN_REFUSAL_INTERVAL: Duration = Duration::from_secs(1);

/// Time at which a statement was refused because the database is read-only.
static LAST_REFUSAL: Mutex<Option<Instant>> = Mutex::new(None);

/// Records the time of an error that means a read-only database.
pub(super) fn record_refused_write(error: &Error) {
    if !is_read_only(error) {
        return;
    }
    let mut last_refusal = LAST_REFUSAL.lock().unwrap_or_else(PoisonError::into_inner);
    if last_refusal.is_none_or(|at| at.elapsed() >= MIN_REFUSAL_INTERVAL) {
        *last_refusal = Some(Instant::now());
    }
}

/// Returns whether a connection of this age was open at the last refusal.
pub(super) fn is_outdated(age: Duration) -> bool {
    let last_refusal = LAST_REFUSAL.lock().unwrap_or_else(PoisonError::into_inner);
    last_refusal.is_some_and(|at| age >= at.elapsed())
}
