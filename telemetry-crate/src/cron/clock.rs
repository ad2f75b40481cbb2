//! The wall clock, and sleeping until a time on it.
//!
//! A long sleep counts elapsed time, but the wall clock may be corrected, and a laptop or a virtual
//! machine may be suspended for a night. So a wait consists of many short sleeps, and the clock is
//! read after each of them.

use std::time::Duration;

use jiff::Timestamp;

use super::schedule::positive;

/// Longest sleep, and longest delay until a correction of the clock is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
pub(super) enum Clock {
    System,
    /// Advances with tokio's clock, which a test can pause.
    #[cfg(test)]
    Test {
        start: tokio::time::Instant,
        at: Timestamp,
    },
}

impl Clock {
    pub(super) fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            #[cfg(test)]
            Self::Test { start, at } => at.checked_add(start.elapsed()).unwrap_or(*at),
        }
    }

    pub(super) async fn sleep_until(&self, time: Timestamp) {
        loop {
            let left = positive(time.duration_since(self.now()));
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
        }
    }
}
