//! Access to the store, with timeouts, retries and log lines for failures.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use tokio::time::{self, Instant};

use super::{Claim, ClaimRequest, RunOutcome, Store, run::cron_event, utc::system_time};
use crate::values::text_of;

/// Duration of a claim.
///
/// It is extended after each third of this time, so one lost answer has no effect. A run whose
/// process died is taken over within two minutes: the lease ends, and then the other replicas, which
/// ask once per lease, claim the run.
pub(super) const LEASE: Duration = Duration::from_secs(60);
/// Number of extensions within the duration of one claim.
const RENEWALS: u32 = 3;
/// Time after which a store that has not answered counts as unavailable.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);
/// Attempts to record the end of a run, [`STORE_TIMEOUT`] apart.
///
/// More attempts could outlast the lease, after which other replicas repeat the run.
const FINISH_ATTEMPTS: u32 = 3;

/// Access of one job to the store.
#[derive(Debug)]
pub(super) struct Lease<S> {
    pub(super) store: Arc<S>,
    pub(super) name: String,
    /// See [`ClaimRequest::holder`].
    pub(super) holder: Arc<str>,
}

impl<S: Store> Lease<S> {
    fn request(&self, tick: Timestamp) -> ClaimRequest<'_> {
        ClaimRequest::new(&self.name, system_time(tick), &self.holder)
    }

    pub(super) async fn claim(&self, tick: Timestamp) -> Result<Claim, String> {
        within_timeout(self.store.claim(self.request(tick), LEASE)).await
    }

    pub(super) async fn last_success(&self) -> Result<Option<SystemTime>, String> {
        within_timeout(self.store.last_success(&self.name)).await
    }

    pub(super) async fn first_seen(&self, now: SystemTime) -> Result<SystemTime, String> {
        within_timeout(self.store.first_seen(&self.name, now)).await
    }

    /// Extends the lease while it is polled, and completes when it is lost.
    ///
    /// The lease is lost if it belongs to another process. It also counts as lost if the store does
    /// not answer until it ends, because the store may be unavailable only for this replica.
    pub(super) async fn extend_until_lost(&self, tick: Timestamp) {
        // The answer to the claim has just arrived, but the lease may have begun as early as the
        // request, at most `STORE_TIMEOUT` ago.
        let mut ends = Instant::now() + LEASE - STORE_TIMEOUT;
        loop {
            let next = Instant::now() + LEASE / RENEWALS;
            time::sleep_until(next.min(ends)).await;
            let sent_at = Instant::now();
            let extended = within_timeout(self.store.extend(self.request(tick), LEASE));
            match time::timeout_at(ends, extended).await {
                Ok(Ok(true)) => ends = sent_at + LEASE,
                Ok(Err(_)) if Instant::now() < ends => {}
                _ => return,
            }
        }
    }

    pub(super) async fn finish(&self, tick: Timestamp, ended: RunOutcome, at: SystemTime) {
        let mut error = String::new();
        for _ in 0..FINISH_ATTEMPTS {
            let finished = self.store.finish(self.request(tick), ended, at);
            match within_timeout(finished).await {
                Ok(()) => return,
                Err(again) => error = again,
            }
            time::sleep(STORE_TIMEOUT).await;
        }
        let name = &self.name;
        cron_event!(
            warn,
            name,
            "cron {name}: the store could not record the end of the run, so it may be repeated: {error}"
        );
    }
}

async fn within_timeout<T, E: Into<Box<dyn Error + Send + Sync>>>(
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, String> {
    match time::timeout(STORE_TIMEOUT, call).await {
        Ok(answer) => answer.map_err(text_of),
        Err(_) => Err(format!("no answer within {} s", STORE_TIMEOUT.as_secs())),
    }
}
