//! What happens between an attempt that failed and the next.
//!
//! apalis' own policy waits in the process: it holds a place among the running tasks meanwhile, forgets its pause in a
//! restart, and in 1.0.0 keeps a worker from ending that is told to while a task waits. A store needs nothing but a later time
//! in the task's row.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

/// Before the first retry, on average.
const FIRST: Duration = Duration::from_secs(1);

/// Before any, on average: by then it is an outage, and this is how late its end is noticed.
const LONGEST: Duration = Duration::from_secs(300);

/// Sets the time of the next attempt in SQLite: bind the seconds and the task's id, in this order.
pub const SQLITE_POSTPONE: &str = "UPDATE Jobs SET run_at = unixepoch() + ?1 WHERE id = ?2";

/// The same for PostgreSQL.
pub const POSTGRES_POSTPONE: &str =
    "UPDATE apalis.jobs SET run_at = now() + $1 * interval '1 second' WHERE id = $2";

/// A task that failed and has attempts left.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    /// The task's id, as in its row.
    pub task_id: String,
    /// How often it has been tried, from 1.
    pub attempt: u32,
    /// How long it is to wait: a second, doubled with every attempt up to five minutes, and half of that either way by
    /// chance, so that what failed together does not come back together.
    pub pause: Duration,
}

impl Retry {
    pub(super) fn new(task_id: String, attempt: u32) -> Self {
        Self {
            task_id,
            attempt,
            pause: pause(attempt, chance()),
        }
    }

    /// The pause in whole seconds, rounded up: for a row that has no finer time.
    pub fn pause_seconds(&self) -> i64 {
        i64::try_from(self.pause.as_millis().div_ceil(1_000)).unwrap_or(i64::MAX)
    }
}

pub(super) type Postponing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What the program does about a retry.
#[derive(Clone)]
pub(super) struct Postpone(Arc<dyn Fn(Retry) -> Postponing + Send + Sync>);

impl Postpone {
    pub(super) fn new<F>(postpone: impl Fn(Retry) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let postpone = Arc::new(postpone);
        Self(Arc::new(move |retry| {
            let postpone = Arc::clone(&postpone);
            // The call is inside as well, because its panic would be the worker's.
            Box::pin(async move { postpone(retry).await })
        }))
    }

    pub(super) fn call(&self, retry: Retry) -> Postponing {
        (self.0)(retry)
    }
}

impl fmt::Debug for Postpone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Postpone")
    }
}

fn pause(attempt: u32, chance: f64) -> Duration {
    let doubled = FIRST.saturating_mul(1 << attempt.saturating_sub(1).min(16));
    doubled.min(LONGEST).mul_f64(0.5 + chance)
}

/// From 0 to 1. Good enough to spread retries, and no dependency.
fn chance() -> f64 {
    let random = RandomState::new().hash_one(());
    f64::from(u32::try_from(random >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Retry, chance, pause};

    #[test]
    fn pauses_double_up_to_a_bound() {
        let halves = |attempt| pause(attempt, 0.5).as_secs();
        assert_eq!(
            [1, 2, 3, 9, 10, u32::MAX].map(halves),
            [1, 2, 4, 256, 300, 300]
        );
        assert_eq!(pause(1, 0.0), Duration::from_millis(500));
        assert_eq!(pause(99, 1.0), Duration::from_secs(450));
        assert!((0..1_000).all(|_| (0.0..=1.0).contains(&chance())));
        assert!((1..=2).contains(&Retry::new(String::new(), 1).pause_seconds()));
    }
}
