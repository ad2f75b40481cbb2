//! The interval at which an idle worker looks for new jobs.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use apalis_core::backend::ext::poll_strategy::{PollSnapshot, PollStrategy};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// A poll strategy that wakes the worker after each interval.
///
/// apalis' `IntervalStrategy` replaces an expired timer without polling the new one, so the new timer wakes nothing. If the
/// query for jobs is then ready at its first poll and finds none, the worker sleeps until its next heartbeat. The book's
/// decision 25 repeats this.
#[derive(Debug)]
pub(crate) struct PollInterval(Interval);

impl PollInterval {
    /// Starts the interval; must be called within a tokio runtime.
    pub(crate) fn new(duration: Duration) -> Self {
        let mut interval = interval(duration);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self(interval)
    }
}

impl PollStrategy for PollInterval {
    fn poll_drive(&mut self, context: &mut Context<'_>, _: &PollSnapshot) -> Poll<Option<()>> {
        let mut is_due = false;
        // The last poll returns `Pending`, and so registers the waker.
        while self.0.poll_tick(context).is_ready() {
            is_due = true;
        }
        if is_due {
            Poll::Ready(Some(()))
        } else {
            Poll::Pending
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::{Wake, Waker},
    };

    use tokio::time::{sleep, timeout};

    use super::*;

    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn next_tick_wakes_without_another_poll() {
        let wakes = Arc::new(Wakes(AtomicUsize::new(0)));
        let waker = Waker::from(wakes.clone());
        let mut strategy = PollInterval::new(Duration::from_millis(5));
        let snapshot = PollSnapshot::default();
        let mut context = Context::from_waker(&waker);
        // The first tick is due at once, up to the resolution of the timer.
        while strategy.poll_drive(&mut context, &snapshot).is_pending() {
            sleep(Duration::from_millis(1)).await;
        }
        wakes.0.store(0, Ordering::Relaxed);
        let woken = async {
            while wakes.0.load(Ordering::Relaxed) == 0 {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(30), woken).await.unwrap();
    }
}
