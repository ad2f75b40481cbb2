//! When a failed request is tried again.
//!
//! OTLP specification, "Failures": with exponential backoff and jitter, and not before the collector says so.

use std::time::Duration;

use super::stats::{ExportError, Retry};

const FIRST: Duration = Duration::from_millis(200);

/// Half of what a batch has by default, divided by three tries.
const LONGEST: Duration = Duration::from_secs(5);

/// Tries that a flush waits for: one may meet a connection that has just been closed.
const HURRIED: u32 = 2;

/// The tries of one request.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    hurried: u32,
}

impl Backoff {
    /// How long to wait before the next try, or `None` to give up. The end of the time for the whole batch is the
    /// caller's to keep.
    pub(super) fn after(
        &mut self,
        error: &ExportError,
        is_hurried: bool,
        jitter: f64,
    ) -> Option<Duration> {
        let asked = match error.retry {
            Retry::No | Retry::Smaller => return None,
            Retry::Yes => Duration::ZERO,
            Retry::After(delay) => delay,
        };
        self.failures = self.failures.saturating_add(1);
        if is_hurried {
            self.hurried += 1;
            if self.hurried >= HURRIED {
                return None;
            }
            return Some(asked.max(FIRST));
        }
        let doubled = FIRST.saturating_mul(1 << (self.failures - 1).min(10));
        // Full jitter would try again at once now and then; half of it spreads as well.
        let spread = doubled
            .min(LONGEST)
            .mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0));
        Some(spread.max(asked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(retry: Retry) -> ExportError {
        ExportError {
            retry,
            ..ExportError::default()
        }
    }

    #[test]
    fn delays_double_and_honor_retry_after() {
        let mut backoff = Backoff::default();
        let mut delays = (0..8).map(|_| backoff.after(&error(Retry::Yes), false, 1.0));
        assert_eq!(delays.next(), Some(Some(FIRST)));
        assert_eq!(delays.next(), Some(Some(2 * FIRST)));
        assert_eq!(delays.last(), Some(Some(LONGEST)));
        let asked = Retry::After(Duration::from_secs(9));
        assert_eq!(
            backoff.after(&error(asked), false, 0.0),
            Some(Duration::from_secs(9))
        );
    }

    #[test]
    fn permanent_errors_are_not_retried() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.after(&error(Retry::No), false, 1.0), None);
        assert_eq!(backoff.after(&error(Retry::Yes), true, 1.0), Some(FIRST));
        assert_eq!(backoff.after(&error(Retry::Yes), true, 1.0), None);
    }
}
