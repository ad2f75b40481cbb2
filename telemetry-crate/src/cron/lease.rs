//! What a job asks of the store, with the patience and the log lines of somebody who may find it down.

use std::{
    fmt::Display,
    sync::Arc,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use tokio::time::{self, Instant};

use super::{Claim, Ended, Store, Turn, run::say, utc::system_time};
use crate::values::printed;

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
    /// See [`Turn::holder`].
    pub(super) holder: Arc<str>,
}

impl<S: Store> Lease<S> {
    fn turn(&self, tick: Timestamp) -> Turn<'_> {
        Turn::new(&self.name, system_time(tick), &self.holder)
    }

    pub(super) async fn claim(&self, tick: Timestamp) -> Result<Claim, String> {
        patiently(self.store.claim(self.turn(tick), LEASE)).await
    }

    pub(super) async fn last_success(&self) -> Result<Option<SystemTime>, String> {
        patiently(self.store.last_success(&self.name)).await
    }

    pub(super) async fn first_seen(&self, now: SystemTime) -> Result<SystemTime, String> {
        patiently(self.store.first_seen(&self.name, now)).await
    }

    /// Prolongs the lease for as long as it is polled; completes when it is lost: when it is somebody else's, or has ended
    /// without an answer, because the store may be out of reach for this replica only.
    pub(super) async fn keep(&self, tick: Timestamp) {
        // The claim was answered just now, and asked for a little earlier.
        let mut ends = Instant::now() + LEASE - PATIENCE;
        loop {
            let next = Instant::now() + LEASE / RENEWALS;
            time::sleep_until(next.min(ends)).await;
            let asked = Instant::now();
            let extended = patiently(self.store.extend(self.turn(tick), LEASE));
            match time::timeout_at(ends, extended).await {
                Ok(Ok(true)) => ends = asked + LEASE,
                Ok(Err(_)) if Instant::now() < ends => {}
                _ => return,
            }
        }
    }

    pub(super) async fn finish(&self, tick: Timestamp, ended: Ended, at: SystemTime) {
        let mut error = String::new();
        for _ in 0..TRIES {
            let finished = self.store.finish(self.turn(tick), ended, at);
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
        Ok(answer) => answer.map_err(|error| printed(format_args!("{error}"))),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}
