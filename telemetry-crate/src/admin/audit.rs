//! Log lines about who reads user data, and about rejected requests.
//!
//! Of each kind, the first request is logged at once, and later ones together, once per minute. With a line per request,
//! a client that guesses tokens, or a page that refreshes itself, could fill the log. Without a line, the operator would
//! not notice the client. Clients that guess are not slowed down: a long token protects against guessing, and a delay
//! does not. A lock after failures would also lock out the operator.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::table::{Need, Route};

/// The time between two log lines of one kind.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The audited requests, by kind.
#[derive(Debug, Default)]
pub(super) struct Audit {
    granted_reads: Attempts,
    rejected_reads: Attempts,
    rejected_changes: Attempts,
}

impl Audit {
    /// Logs or counts a read of user data.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime.
    pub(super) fn granted(&self, route: &Route, client: SocketAddr) {
        let attempt = Attempt {
            client,
            path: route.path,
        };
        self.granted_reads.record(attempt, |attempt, attempts| {
            tracing::info!(
                target: "firstlight::admin",
                { client.address = %attempt.client.ip(), http.route = attempt.path, attempts },
                "user data was read through the admin listener"
            );
        });
    }

    /// Logs or counts a request without the permission that its route needs.
    ///
    /// The line does not have the token that the client sent. It may be the right token with a typing error, or the
    /// token of another service.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime.
    pub(super) fn rejected(&self, route: &Route, client: SocketAddr, reason: &'static str) {
        let (attempts, what) = if route.need == Need::Change {
            (&self.rejected_changes, "a change")
        } else {
            (&self.rejected_reads, "a read of user data")
        };
        let attempt = Attempt {
            client,
            path: route.path,
        };
        attempts.record(attempt, move |attempt, attempts| {
            tracing::warn!(
                target: "firstlight::admin",
                { client.address = %attempt.client.ip(), http.route = attempt.path, attempts },
                "{what} through the admin listener was rejected, because {reason}"
            );
        });
    }
}

/// The parts of a request that are logged.
///
/// The query is not, because it contains the values that were searched for.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    client: SocketAddr,
    /// The path of the route, not of the request.
    path: &'static str,
}

/// The requests of one kind; clones share the count.
#[derive(Debug, Clone, Default)]
struct Attempts(Arc<Mutex<State>>);

/// The requests that are not logged yet.
#[derive(Debug, Default)]
struct State {
    /// Whether a line was written less than [`LOG_INTERVAL`] ago.
    is_quiet: bool,
    /// The number of requests since that line.
    count: u64,
    /// The last of these requests.
    last: Option<Attempt>,
}

impl Attempts {
    fn record(&self, attempt: Attempt, log: impl Fn(Attempt, u64) + Send + 'static) {
        let mut state = self.state();
        if state.is_quiet {
            state.count += 1;
            state.last = Some(attempt);
            return;
        }
        state.is_quiet = true;
        drop(state);
        log(attempt, 1);
        let attempts = self.clone();
        // At most one task runs at a time. It ends after a minute without requests.
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOG_INTERVAL).await;
                let Some((attempt, count)) = attempts.take() else {
                    return;
                };
                log(attempt, count);
            }
        });
    }

    /// Takes the requests since the last line; `None` if there were none.
    ///
    /// If there were none, the next request is logged at once.
    fn take(&self) -> Option<(Attempt, u64)> {
        let mut state = self.state();
        let last = state.last.take();
        state.is_quiet = last.is_some();
        Some((last?, std::mem::take(&mut state.count)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn attempts_are_logged_once_a_minute() {
        let attempt = Attempt {
            client: ([192, 0, 2, 1], 1).into(),
            path: "/log-filter",
        };
        let attempts = Attempts::default();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let record = || {
            let lines = lines.clone();
            attempts.record(attempt, move |_, count| {
                lines
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(count);
            });
        };
        let logged = || {
            let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            lines.clone()
        };
        for _ in 0..1_000 {
            record();
        }
        assert_eq!(logged(), [1]);
        tokio::time::sleep(LOG_INTERVAL + Duration::from_secs(1)).await;
        assert_eq!(logged(), [1, 999]);
        tokio::time::sleep(LOG_INTERVAL).await;
        assert_eq!(logged(), [1, 999], "no attempt for a minute");
        record();
        assert_eq!(logged(), [1, 999, 1]);
    }
}
