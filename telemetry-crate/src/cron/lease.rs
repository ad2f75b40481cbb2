//! What a job asks of the store, with the patience and the log lines of somebody who may find it down.

use std::{
    fmt::Display,
    sync::Arc,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use tokio::time;

use super::{Claim, Ended, Store, run::say, utc::system_time};

/// A claim is good for so long, and prolonged three times in it: one lost answer costs nothing, and a run whose process
/// died is taken over a minute later.
pub(super) const LEASE: Duration = Duration::from_secs(60);
const RENEWALS: u32 = 3;
/// A store that has not answered by then is down.
const PATIENCE: Duration = Duration::from_secs(10);
/// Tries to note the end of a run, [`PATIENCE`] apart: together less than the lease, after which others would repeat it.
const TRIES: u32 = 3;

/// One job's view of the store.
#[derive(Debug)]
pub(super) struct Lease<S> {
    pub(super) store: Arc<S>,
    pub(super) name: String,
}

impl<S: Store> Lease<S> {
    pub(super) async fn claim(&self, tick: Timestamp) -> Result<Claim, String> {
        patiently(self.store.claim(&self.name, system_time(tick), LEASE)).await
    }

    pub(super) async fn last_success(&self) -> Result<Option<SystemTime>, String> {
        patiently(self.store.last_success(&self.name)).await
    }

    /// Prolongs the lease for as long as it is polled; completes when it is lost. A store that is down takes nothing away
    /// until the lease ends, and then nobody else can claim anything there either.
    pub(super) async fn keep(&self, tick: Timestamp) {
        loop {
            time::sleep(LEASE / RENEWALS).await;
            let extended = self.store.extend(&self.name, system_time(tick), LEASE);
            if let Ok(false) = patiently(extended).await {
                return;
            }
        }
    }

    pub(super) async fn finish(&self, tick: Timestamp, ended: Ended, at: SystemTime) {
        let mut error = String::new();
        for _ in 0..TRIES {
            let finished = self.store.finish(&self.name, system_time(tick), ended, at);
            match patiently(finished).await {
                Ok(()) => return,
                Err(again) => error = again,
            }
            time::sleep(PATIENCE).await;
        }
        let name = &self.name;
        say!(
            warn,
            name,
            "cron {name}: the store could not note the end of the run, so it may be repeated: {error}"
        );
    }
}

async fn patiently<T, E: Display>(asked: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match time::timeout(PATIENCE, asked).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}
