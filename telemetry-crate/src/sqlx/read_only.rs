//! Connections to a database that could only be read.
//!
//! SQLite opens a file that it may not write for reading, and goes on reading when it may; a server that was the primary goes on
//! answering as a replica. A connection that was opened before cannot tell, so the pool gives it up.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::Error;

use super::error_class::is_read_only;

/// As long as it lasts, connections are opened anew at most so often.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// When a statement was refused because the database can only be read.
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

/// Whether a connection of this age was there when a statement was refused last.
pub(super) fn is_outdated(age: Duration) -> bool {
    let refused = REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
    refused.is_some_and(|at| age >= at.elapsed())
}
