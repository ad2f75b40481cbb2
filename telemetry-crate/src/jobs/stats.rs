//! The state of a queue, as read from its store.

use std::time::Duration;

/// The state of a queue, read from its store.
///
/// The closure that is given to [`Queue::watch`](super::Queue::watch) returns it.
///
/// A value that is not set is unknown, and has no series.
///
/// ```
/// use std::time::Duration;
/// use firstlight::jobs::QueueStats;
///
/// let stats = QueueStats::new().ready(3).dead_lettered(1).oldest_age(Duration::from_secs(2));
/// # drop(stats);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "return it from the closure that is given to `Queue::watch`"]
pub struct QueueStats {
    depths: [Option<u64>; 6],
    oldest: Option<Duration>,
}

/// Values of the label `status`, in the order of the depths.
const STATES: [&str; 6] = [
    "ready",
    "scheduled",
    "running",
    "retry",
    "stuck",
    "dead_lettered",
];

impl QueueStats {
    /// Creates a state whose values are all unknown.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the number of jobs that are due for their first attempt.
    pub fn ready(self, jobs: u64) -> Self {
        self.with(0, jobs)
    }

    /// Sets the number of jobs that are not due yet.
    pub fn scheduled(self, jobs: u64) -> Self {
        self.with(1, jobs)
    }

    /// Sets the number of jobs that a worker has taken.
    pub fn running(self, jobs: u64) -> Self {
        self.with(2, jobs)
    }

    /// Sets the number of jobs that failed and will be tried again.
    pub fn retry(self, jobs: u64) -> Self {
        self.with(3, jobs)
    }

    /// Sets the number of jobs that no worker runs or will take.
    ///
    /// Such a job is locked by a worker that no longer exists, or has an unknown status.
    pub fn stuck(self, jobs: u64) -> Self {
        self.with(4, jobs)
    }

    /// Sets the number of dead-lettered jobs.
    pub fn dead_lettered(self, jobs: u64) -> Self {
        self.with(5, jobs)
    }

    /// Sets how long the oldest due job that no worker runs has been waiting.
    ///
    /// Stuck jobs are included. The age is zero if there is no such job. Measure it from the time
    /// the job was due, with the store's clock, so that all instances report the same age.
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

    /// Returns every state with its depth.
    pub(super) fn depths(&self) -> impl Iterator<Item = (&'static str, Option<u64>)> {
        STATES.into_iter().zip(self.depths)
    }

    pub(super) fn age(&self) -> Option<Duration> {
        self.oldest
    }
}
