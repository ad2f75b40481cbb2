//! Errors of declared workers, found at start.

use std::fmt;

/// The reason for which [`Workers`](super::Workers) do not start.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WorkersError {
    /// Two workers have the same queue, and would run each other's jobs.
    #[error("queue {name:?} was added twice; give each kind of job a queue of its own")]
    #[non_exhaustive]
    DuplicateQueue {
        /// The queue's name.
        name: String,
    },
}

// A `main` that returns an error prints its `Debug` form, which should be the readable message.
impl fmt::Debug for WorkersError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
