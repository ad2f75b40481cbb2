//! The wall clock, which says when something is due, and the waiting for it.
//!
//! A long sleep counts time, and the wall clock does not: it is corrected, and a laptop or a virtual machine stands still
//! for a night. So a wait is many short ones, each followed by a look at the clock.

use std::time::Duration;

use jiff::Timestamp;

use super::schedule::positive;

/// A correction of the wall clock is noticed after so long.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
pub(super) enum Clock {
    System,
    /// Moves with tokio's clock, which a test can pause.
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
