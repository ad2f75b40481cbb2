//! The state of a queue, as its store tells it.

use std::time::Duration;

/// The state of a queue: what a source reads from the store for [`Queue::watch`](super::Queue::watch).
///
/// What is not set is not known, and has no series.
///
/// ```
/// use std::time::Duration;
/// use firstlight::jobs::QueueStats;
///
/// let stats = QueueStats::new().ready(3).dead(1).oldest_age(Duration::from_secs(2));
/// # drop(stats);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "it is what the source returns"]
pub struct QueueStats {
    depths: [Option<u64>; 6],
    oldest: Option<Duration>,
}

/// The label `status`, in the order of the depths.
const STATES: [&str; 6] = ["ready", "scheduled", "running", "retry", "stuck", "dead"];

impl QueueStats {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Jobs that are due for their first attempt and wait for a worker.
    pub fn ready(self, jobs: u64) -> Self {
        self.with(0, jobs)
    }

    /// Jobs that are not due yet.
    pub fn scheduled(self, jobs: u64) -> Self {
        self.with(1, jobs)
    }

    /// Jobs that a worker has.
    pub fn running(self, jobs: u64) -> Self {
        self.with(2, jobs)
    }

    /// Jobs that failed and are tried again.
    pub fn retry(self, jobs: u64) -> Self {
        self.with(3, jobs)
    }

    /// Jobs that no worker runs and no worker will take: locked by a worker that is gone, or in a state that does not exist.
    pub fn stuck(self, jobs: u64) -> Self {
        self.with(4, jobs)
    }

    /// Dead-lettered jobs.
    pub fn dead(self, jobs: u64) -> Self {
        self.with(5, jobs)
    }

    /// For how long the oldest job that is due and that no worker runs has been waiting, stuck ones included; zero if there is
    /// none. Measure it from when it was due,
    /// with the store's clock, so that all instances tell the same.
    pub fn oldest_age(mut self, age: Duration) -> Self {
        self.oldest = Some(age);
        self
    }

    fn with(mut self, index: usize, jobs: u64) -> Self {
        if let Some(depth) = self.depths.get_mut(index) {
            *depth = Some(jobs);
        }
        self
    }

    /// Every state with its depth.
    pub(super) fn depths(&self) -> impl Iterator<Item = (&'static str, Option<u64>)> {
        STATES.into_iter().zip(self.depths)
    }

    pub(super) fn age(&self) -> Option<Duration> {
        self.oldest
    }
}
