//! The pause between a failed attempt and the next.
//!
//! apalis' own policy waits in the process. The waiting task counts as running, the pause is lost
//! on a restart, and in 1.0.0 a worker that has to stop while a task waits never ends. Here a later
//! time is stored in the task's row instead. The book's decision 25 repeats these defects.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use crate::export::jitter;

/// Average pause before the first retry.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Longest average pause.
///
/// A task that reaches this pause has failed for more than eight minutes, as in an outage. The
/// pause is then the delay until the task notices the end of the outage.
const MAX_PAUSE: Duration = Duration::from_secs(300);

/// Statement that sets the time of the next attempt in SQLite.
///
/// Bind the seconds and the task's id, in this order.
pub const SQLITE_POSTPONE: &str = "UPDATE Jobs SET run_at = unixepoch() + ?1 WHERE id = ?2";

/// Statement that sets the time of the next attempt in PostgreSQL.
///
/// Bind the seconds and the task's id, in this order.
pub const POSTGRES_POSTPONE: &str =
    "UPDATE apalis.jobs SET run_at = now() + $1 * interval '1 second' WHERE id = $2";

/// A task that failed and has attempts left.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    /// The task's id, as in its row.
    pub task_id: String,
    /// The failed attempt's number, 1-based.
    pub attempt: u32,
    /// The pause before the next attempt.
    ///
    /// It is a second, doubled with every attempt up to five minutes. A random jitter of up to half
    /// of that in either direction keeps tasks that failed together from returning together.
    pub pause: Duration,
}

impl Retry {
    pub(super) fn new(task_id: String, attempt: u32) -> Self {
        Self {
            task_id,
            attempt,
            pause: pause(attempt, jitter()),
        }
    }

    /// Returns the pause in whole seconds, rounded up, for a row without a finer time.
    pub fn pause_seconds(&self) -> i64 {
        i64::try_from(self.pause.as_millis().div_ceil(1_000)).unwrap_or(i64::MAX)
    }
}

pub(super) type PostponeFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The program's function that stores the time of a retry.
#[derive(Clone)]
pub(super) struct Postpone(Arc<dyn Fn(Retry) -> PostponeFuture + Send + Sync>);

impl Postpone {
    pub(super) fn new<F>(postpone: impl Fn(Retry) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let postpone = Arc::new(postpone);
        Self(Arc::new(move |retry| {
            let postpone = Arc::clone(&postpone);
            // The function is called inside the future, because its panic would end the worker.
            Box::pin(async move { postpone(retry).await })
        }))
    }

    pub(super) fn call(&self, retry: Retry) -> PostponeFuture {
        (self.0)(retry)
    }
}

impl fmt::Debug for Postpone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Postpone")
    }
}

fn pause(attempt: u32, jitter: f64) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << attempt.saturating_sub(1).min(16));
    doubled.min(MAX_PAUSE).mul_f64(0.5 + jitter)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Retry, jitter, pause};

    #[test]
    fn pauses_double_up_to_a_bound() {
        let average = |attempt| pause(attempt, 0.5).as_secs();
        assert_eq!(
            [1, 2, 3, 9, 10, u32::MAX].map(average),
            [1, 2, 4, 256, 300, 300]
        );
        assert_eq!(pause(1, 0.0), Duration::from_millis(500));
        assert_eq!(pause(99, 1.0), Duration::from_secs(450));
        assert!((0..1_000).all(|_| (0.0..=1.0).contains(&jitter())));
        assert!((1..=2).contains(&Retry::new(String::new(), 1).pause_seconds()));
    }
}
