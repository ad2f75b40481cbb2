//! Connections that became read-only before the database was writable again.
//!
//! SQLite opens a file without write permission for reading only, and keeps reading when the
//! permission returns. A former primary server keeps answering as a replica. An older connection
//! does not notice the change, so the pool closes it.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::Error;

use super::error_class::is_read_only;

/// Interval at which connections are reopened while the database stays read-only.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// Time at which a statement was refused because the database is read-only.
static REFUSED: Mutex<Option<Instant>> = Mutex::new(None);

pub(super) fn note(error: &Error) {
    if !is_read_only(error) {
        return;
    }
    let mut refused = REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
    if refused.is_none_or(|at| at.elapsed() >= AT_MOST_EVERY) {
        *refused = Some(Instant::now());
    }
}

/// Returns whether a connection of this age was open at the last refusal.
pub(super) fn is_outdated(age: Duration) -> bool {
    let refused = REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
    refused.is_some_and(|at| age >= at.elapsed())
}
