//! The request to stop, which all jobs of a scheduler share.
//!
//! After the request no run starts, and active runs may go on for the drain time.

use std::time::Duration;

use tokio::sync::watch;

/// A job's view of the request to stop.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    requested: watch::Receiver<bool>,
    drain: Duration,
}

impl Stop {
    pub(super) fn new(drain: Duration) -> (watch::Sender<bool>, Self) {
        let (sender, requested) = watch::channel(false);
        (sender, Self { requested, drain })
    }

    /// Completes when no new run may start.
    pub(super) async fn requested(&mut self) {
        // An error means that the scheduler was dropped, which is a stop as well.
        let _ = self.requested.wait_for(|requested| *requested).await;
    }

    /// Completes when active runs must end.
    pub(super) async fn deadline(&mut self) {
        self.requested().await;
        tokio::time::sleep(self.drain).await;
    }

    /// Waits for a future, or returns `None` on a request to stop.
    pub(super) async fn unless_stopped<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            // The request comes first, so that no run starts that is due at the same moment.
            biased;
            () = self.requested() => None,
            output = future => Some(output),
        }
    }
}
