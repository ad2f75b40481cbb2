//! A limit for the number of requests per second.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// A token bucket, of which only the time is stored at which it is full again.
///
/// Each request takes a token. A token returns after `interval`, and the bucket holds `burst` of them.
#[derive(Debug)]
pub(super) struct RateLimit {
    interval: Duration,
    burst: u32,
    full_at: Mutex<Option<Instant>>,
}

impl RateLimit {
    /// Allows `rate` requests per second, all of which may come at once.
    pub(super) fn per_second(rate: u32) -> Self {
        Self {
            interval: Duration::from_secs(1) / rate.max(1),
            burst: rate,
            full_at: Mutex::new(None),
        }
    }

    /// Takes a token; `false` if there is none.
    pub(super) fn take(&self) -> bool {
        let now = Instant::now();
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = full_at.map_or(now, |full_at| full_at.max(now));
        let next = begin + self.interval;
        let is_allowed = next - now <= self.interval * self.burst;
        if is_allowed {
            *full_at = Some(next);
        }
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bursts_and_rate_are_limited() {
        let limit = RateLimit::per_second(20);
        let taken = || (0..100).filter(|_| limit.take()).count();
        assert_eq!(taken(), 20);
        tokio::time::advance(Duration::from_millis(250)).await;
        assert_eq!(taken(), 5);
        tokio::time::advance(Duration::from_millis(40)).await;
        assert_eq!(taken(), 0, "no token has returned");
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(taken(), 20, "unused tokens do not add up");
    }
}
