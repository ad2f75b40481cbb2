//! A store in memory, for a single process.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use super::{Claim, ClaimRequest, RunOutcome, Store};

/// Keeps claims and successes in memory.
///
/// It is for a service with one replica whose jobs may be forgotten at a deploy, for jobs that each
/// replica must run, and for tests. Clones share their state.
///
/// After a deploy, runs that it interrupted or that were due during it are not made up for, because
/// this store has forgotten them.
#[derive(Debug, Clone, Default)]
pub struct LocalStore(Arc<Mutex<HashMap<String, Row>>>);

#[derive(Debug)]
struct Row {
    scheduled_for: SystemTime,
    holder: String,
    /// End of the lease; `None` once the run has ended.
    leased_until: Option<Instant>,
    last_success: Option<SystemTime>,
    first_seen: Option<SystemTime>,
}

impl Row {
    fn belongs_to(&self, request: ClaimRequest<'_>) -> bool {
        self.scheduled_for == request.tick && self.holder == request.holder
    }
}

impl LocalStore {
    fn rows(&self) -> MutexGuard<'_, HashMap<String, Row>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for LocalStore {
    type Error = Infallible;

    async fn claim(&self, request: ClaimRequest<'_>, lease: Duration) -> Result<Claim, Infallible> {
        let now = Instant::now();
        let mut rows = self.rows();
        let Some(row) = rows.get_mut(request.cron) else {
            let row = Row {
                scheduled_for: request.tick,
                holder: request.holder.to_owned(),
                leased_until: Some(now + lease),
                last_success: None,
                first_seen: None,
            };
            rows.insert(request.cron.to_owned(), row);
            return Ok(Claim::Granted);
        };
        let is_leased = row.leased_until.is_some_and(|until| until > now);
        let has_expired = row.leased_until.is_some_and(|until| until <= now);
        Ok(match row.scheduled_for.cmp(&request.tick) {
            std::cmp::Ordering::Greater => Claim::Done,
            std::cmp::Ordering::Equal if is_leased => Claim::Running,
            std::cmp::Ordering::Equal if !has_expired => Claim::Done,
            std::cmp::Ordering::Less if is_leased => Claim::Overlaps,
            _ => {
                row.scheduled_for = request.tick;
                request.holder.clone_into(&mut row.holder);
                row.leased_until = Some(now + lease);
                Claim::Granted
            }
        })
    }

    async fn extend(&self, request: ClaimRequest<'_>, lease: Duration) -> Result<bool, Infallible> {
        let mut rows = self.rows();
        let held = rows
            .get_mut(request.cron)
            .filter(|row| row.belongs_to(request) && row.leased_until.is_some());
        let is_held = held.is_some();
        if let Some(row) = held {
            row.leased_until = Some(Instant::now() + lease);
        }
        Ok(is_held)
    }

    async fn finish(
        &self,
        request: ClaimRequest<'_>,
        ended: RunOutcome,
        at: SystemTime,
    ) -> Result<(), Infallible> {
        let mut rows = self.rows();
        if let Some(row) = rows
            .get_mut(request.cron)
            .filter(|row| row.belongs_to(request))
        {
            row.leased_until = (ended == RunOutcome::Interrupted).then(Instant::now);
            if ended == RunOutcome::Succeeded {
                row.last_success = Some(at);
            }
        }
        Ok(())
    }

    async fn first_seen(&self, cron: &str, now: SystemTime) -> Result<SystemTime, Infallible> {
        let mut rows = self.rows();
        let row = rows.entry(cron.to_owned()).or_insert_with(|| Row {
            // Earlier than any tick.
            scheduled_for: SystemTime::UNIX_EPOCH,
            holder: String::new(),
            leased_until: None,
            last_success: None,
            first_seen: None,
        });
        Ok(*row.first_seen.get_or_insert(now))
    }

    async fn last_success(&self, cron: &str) -> Result<Option<SystemTime>, Infallible> {
        Ok(self.rows().get(cron).and_then(|row| row.last_success))
    }
}
