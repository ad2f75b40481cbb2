//! Log lines about changes that the admin listener rejected.
//!
//! The first attempt is logged at once, and later attempts together, once per minute. With a line
//! per attempt, a client that guesses tokens could fill the log. Without a line, the operator would
//! not notice the client. Clients are not slowed down: a long token protects against guessing, and
//! a delay does not. A lock after failures would also lock out the operator.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The time between two log lines.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The rejected attempts; clones share the count.
#[derive(Debug, Clone, Default)]
pub(super) struct Attempts(Arc<Mutex<State>>);

/// The attempts that are not logged yet.
#[derive(Debug, Default)]
struct State {
    /// Whether a line was written less than [`LOG_INTERVAL`] ago.
    is_quiet: bool,
    /// The number of attempts since that line.
    count: u64,
    /// The client of the last of these attempts.
    client: Option<SocketAddr>,
}

impl Attempts {
    /// Logs or counts an attempt.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime.
    pub(super) fn rejected(&self, client: SocketAddr) {
        let mut state = self.state();
        if state.is_quiet {
            state.count += 1;
            state.client = Some(client);
            return;
        }
        state.is_quiet = true;
        drop(state);
        log(client, 1);
        let attempts = self.clone();
        // At most one task runs at a time. It ends after a minute without attempts.
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOG_INTERVAL).await;
                let Some((client, count)) = attempts.take() else {
                    return;
                };
                log(client, count);
            }
        });
    }

    /// Takes the attempts since the last line; `None` if there were none.
    ///
    /// If there were none, the next attempt is logged at once.
    fn take(&self) -> Option<(SocketAddr, u64)> {
        let mut state = self.state();
        let client = state.client.take();
        state.is_quiet = client.is_some();
        Some((client?, std::mem::take(&mut state.count)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs attempts, but not the token that the client sent.
///
/// The sent token may be the right token with a typing error, or the token of another service.
fn log(client: SocketAddr, attempts: u64) {
    tracing::warn!(
        target: "firstlight::admin",
        { client.address = %client.ip(), attempts },
        "a change through the admin listener was rejected, because it had no valid token"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn attempts_are_logged_once_a_minute() {
        let client: SocketAddr = ([192, 0, 2, 1], 1).into();
        let attempts = Attempts::default();
        let state = || {
            let state = attempts.state();
            (state.count, state.is_quiet)
        };
        for _ in 0..1_000 {
            attempts.rejected(client);
        }
        assert_eq!(state(), (999, true));
        tokio::time::sleep(LOG_INTERVAL + Duration::from_secs(1)).await;
        assert_eq!(state(), (0, true));
        tokio::time::sleep(LOG_INTERVAL).await;
        assert_eq!(state(), (0, false), "no attempt for a minute");
        attempts.rejected(client);
        assert_eq!(state(), (0, true));
    }
}
