//! The signal to stop, for all that must hear it: the server, the worker, the schedules.

use tokio::sync::watch;

/// Clones hear the same signal.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Listens for SIGTERM and Ctrl-C from now on.
    pub fn on_signal() -> Self {
        let (sender, receiver) = watch::channel(false);
        tokio::spawn(async move {
            firstlight::shutdown_signal().await;
            sender.send_replace(true);
        });
        Self(receiver)
    }

    /// Completes once the signal has come.
    pub async fn requested(mut self) {
        // An error means that the sender is gone: the runtime ends.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}
