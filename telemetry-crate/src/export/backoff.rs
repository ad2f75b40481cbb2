//! Delays between the attempts of a request.
//!
//! The backoff is exponential with jitter, and never shorter than the collector's `Retry-After`. See "Failures" in the OTLP
//! specification. The book's decision 26 compares this with `backon`.

use std::time::Duration;

use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator};

use super::stats::{ExportError, Retry};

/// The delay after the first failure.
const FIRST_DELAY: Duration = Duration::from_millis(200);

/// The longest delay between two attempts.
///
/// It leaves time for several attempts within a batch's default timeout of 30 s.
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// The number of attempts while a flush waits.
///
/// The first attempt may use a connection that has just been closed, so a flush allows a second one.
const FLUSH_ATTEMPTS: u32 = 2;

/// The failed attempts of one request.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    /// Failures while a flush waited.
    flush_failures: u32,
}

impl Backoff {
    /// Returns the delay before the next attempt, or `None` if no attempt may follow.
    ///
    /// The caller enforces the timeout of the whole batch.
    pub(super) fn next_delay(
        &mut self,
        error: &ExportError,
        flush_waits: bool,
        jitter: f64,
    ) -> Option<Duration> {
        let requested = match error.retry {
            Retry::No | Retry::Smaller => return None,
            Retry::Yes => Duration::ZERO,
            Retry::After(delay) => delay,
        };
        self.failures = self.failures.saturating_add(1);
        if flush_waits {
            self.flush_failures += 1;
            if self.flush_failures >= FLUSH_ATTEMPTS {
                return None;
            }
            return Some(requested.max(FIRST_DELAY));
        }
        let doubled = FIRST_DELAY.saturating_mul(1 << (self.failures - 1).min(10));
        // The delay is between half and all of the exponential delay. Full jitter would sometimes retry at once.
        let spread = doubled
            .min(LONGEST_DELAY)
            .mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0));
        Some(spread.max(requested))
    }
}

/// A random number from 0 to 1, from the SDK's generator of span ids.
pub(crate) fn jitter() -> f64 {
    let id = RandomIdGenerator::default().new_span_id().to_bytes();
    f64::from(u16::from_be_bytes([id[0], id[1]])) / f64::from(u16::MAX)
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
        let mut delays = (0..8).map(|_| backoff.next_delay(&error(Retry::Yes), false, 1.0));
        assert_eq!(delays.next(), Some(Some(FIRST_DELAY)));
        assert_eq!(delays.next(), Some(Some(2 * FIRST_DELAY)));
        assert_eq!(delays.last(), Some(Some(LONGEST_DELAY)));
        let requested = Retry::After(Duration::from_secs(9));
        assert_eq!(
            backoff.next_delay(&error(requested), false, 0.0),
            Some(Duration::from_secs(9))
        );
    }

    #[test]
    fn permanent_errors_are_not_retried() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next_delay(&error(Retry::No), false, 1.0), None);
        // While a flush waits, the second attempt is the last.
        assert_eq!(
            backoff.next_delay(&error(Retry::Yes), true, 1.0),
            Some(FIRST_DELAY)
        );
        assert_eq!(backoff.next_delay(&error(Retry::Yes), true, 1.0), None);
    }
}
