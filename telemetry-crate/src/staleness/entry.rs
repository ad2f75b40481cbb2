//! A cache entry, and the decision whether it may be served.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

/// The last answer of the source, with the time of its request.
#[derive(Debug)]
pub(super) struct Entry<V, E> {
    /// The moment before the request, from which the age counts.
    pub(super) requested: Instant,
    /// The source's answer; an error is served only to reads that wait for it.
    pub(super) answer: Result<V, Arc<E>>,
}

// `Clone` is not derived, because that would require `E: Clone`.
impl<V: Clone, E> Clone for Entry<V, E> {
    fn clone(&self) -> Self {
        Self {
            requested: self.requested,
            answer: self.answer.clone(),
        }
    }
}

impl<V, E> Entry<V, E> {
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.requested)
    }

    /// Returns whether a read that finds the entry in the cache may serve it.
    pub(super) fn is_fresh(&self, now: Instant, window: Duration) -> bool {
        self.answer.is_ok() && self.age(now) <= window
    }

    /// Returns whether a read that waited for the entry may serve it.
    ///
    /// The read began at `began`. It may serve an answer within the window, or one whose request
    /// began after the read.
    pub(super) fn is_usable_after_wait(
        &self,
        began: Instant,
        now: Instant,
        window: Duration,
    ) -> bool {
        self.answer.is_err() || self.requested >= began || self.age(now) <= window
    }
}
