//! The wish to stop, as each job sees it: nothing new from now on, and what runs may go on for a while.

use std::time::Duration;

use tokio::sync::watch;

#[derive(Debug, Clone)]
pub(super) struct Stop {
    asked: watch::Receiver<bool>,
    drain: Duration,
}

impl Stop {
    pub(super) fn new(drain: Duration) -> (watch::Sender<bool>, Self) {
        let (sender, asked) = watch::channel(false);
        (sender, Self { asked, drain })
    }

    /// Completes when nothing new may start.
    pub(super) async fn asked(&mut self) {
        // An error means that the scheduler is gone, which is as good a reason.
        let _ = self.asked.wait_for(|asked| *asked).await;
    }

    /// Completes when what runs must end.
    pub(super) async fn deadline(&mut self) {
        self.asked().await;
        tokio::time::sleep(self.drain).await;
    }

    /// Waits for `what`, or for the wish to stop: then `None`.
    pub(super) async fn or<T>(&mut self, what: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            // So that nothing starts that is due in the same moment.
            biased;
            () = self.asked() => None,
            done = what => Some(done),
        }
    }
}
