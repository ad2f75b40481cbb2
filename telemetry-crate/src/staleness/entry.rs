//! What the cache keeps for a key, and whether it may be served.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

/// The source's last word, and when it was asked for it.
#[derive(Debug)]
pub(super) struct Entry<V, E> {
    /// The moment before the question, from which the age counts.
    pub(super) asked: Instant,
    /// An error is here for those who wait for this very answer; a later read is not given it.
    pub(super) answer: Result<V, Arc<E>>,
}

// Not derived: an `Arc` of an error can be cloned, whatever the error.
impl<V: Clone, E> Clone for Entry<V, E> {
    fn clone(&self) -> Self {
        Self {
            asked: self.asked,
            answer: self.answer.clone(),
        }
    }
}

impl<V, E> Entry<V, E> {
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.asked)
    }

    /// For a read that finds it in the cache.
    pub(super) fn is_fresh(&self, now: Instant, window: Duration) -> bool {
        self.answer.is_ok() && self.age(now) <= window
    }

    /// For a read that has begun at `began` and has waited for it: an answer is good enough inside of its window, or if the
    /// source was asked after the read began.
    pub(super) fn is_good_for(&self, began: Instant, now: Instant, window: Duration) -> bool {
        self.answer.is_err() || self.asked >= began || self.age(now) <= window
    }
}
