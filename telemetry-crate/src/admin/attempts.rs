//! Who has tried to change something and may not: one line for the first attempt, then one a minute with a count.
//!
//! A line for each would let a client that guesses the token fill the log; without any line the operator would not notice. What it
//! leaves out: slowing clients down. Against guessing, a token's length decides and a second of delay does not; a lock for
//! a client that fails would lock out the operator with it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Between two lines.
const QUIET: Duration = Duration::from_secs(60);

/// Refused attempts. Clones share the count.
#[derive(Debug, Clone, Default)]
pub(super) struct Attempts(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Whether a line was written less than [`QUIET`] ago.
    is_quiet: bool,
    /// Since that line.
    count: u64,
    /// Who was the last of them.
    client: Option<SocketAddr>,
}

impl Attempts {
    /// Writes it down, or counts it. Called inside a tokio runtime.
    pub(super) fn refused(&self, client: SocketAddr) {
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
        // One task at most, and none without attempts.
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(QUIET).await;
                let Some((client, count)) = attempts.more() else {
                    return;
                };
                log(client, count);
            }
        });
    }

    /// Those since the last line. Without any, the next one is a first one again.
    fn more(&self) -> Option<(SocketAddr, u64)> {
        let mut state = self.state();
        let client = state.client.take();
        state.is_quiet = client.is_some();
        Some((client?, std::mem::take(&mut state.count)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Not what was shown as a token: it may be a good one with a typing error, or that of another service.
fn log(client: SocketAddr, attempts: u64) {
    tracing::warn!(
        target: "firstlight::admin",
        { client.address = %client.ip(), attempts },
        "a change through the admin listener was refused, because it did not show the token"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn repeats_of_a_minute_are_one_line() {
        let client: SocketAddr = ([192, 0, 2, 1], 1).into();
        let attempts = Attempts::default();
        let state = || {
            let state = attempts.state();
            (state.count, state.is_quiet)
        };
        for _ in 0..1_000 {
            attempts.refused(client);
        }
        assert_eq!(state(), (999, true));
        tokio::time::sleep(QUIET + Duration::from_secs(1)).await;
        assert_eq!(state(), (0, true));
        tokio::time::sleep(QUIET).await;
        assert_eq!(state(), (0, false), "no attempt for a minute");
        attempts.refused(client);
        assert_eq!(state(), (0, true));
    }
}
