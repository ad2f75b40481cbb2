//! What must outlive a process: who runs a tick, and when a job last succeeded.
//!
//! One trait for both, because they are one row of a table. What it leaves out: the history of runs, which is in the
//! traces, the logs and the metrics.

use std::{
    fmt::Display,
    future::Future,
    time::{Duration, SystemTime},
};

/// The answer to a replica that wants to run a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claim {
    /// Run it: no other process will, until the lease ends.
    Granted,
    /// This tick, or a later one, was run already, whatever came of it.
    Done,
    /// Another process runs this very tick. The scheduler asks again, in case that process dies.
    Running,
    /// Another process still runs an earlier tick.
    Overlaps,
}

/// How a run ended, as far as the store must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunOutcome {
    /// It did its work.
    Succeeded,
    /// It did not, and the next tick is the next try.
    Failed,
    /// It was cut short by the end of its process: the next process that claims the same tick may run it.
    Interrupted,
}

/// A tick of a job, and who wants to run it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClaimRequest<'a> {
    /// The job's name.
    pub cron: &'a str,
    /// When it is due, in whole seconds.
    pub tick: SystemTime,
    /// A word that no other replica has, nor the same one after a restart: a claim that was taken over is no longer its own.
    pub holder: &'a str,
}

impl<'a> ClaimRequest<'a> {
    /// For tests of a store; the scheduler makes its own.
    pub fn new(cron: &'a str, tick: SystemTime, holder: &'a str) -> Self {
        Self { cron, tick, holder }
    }
}

/// Remembers, for all replicas, who runs what. Ticks are whole seconds.
///
/// [`LocalStore`](super::LocalStore) is one for a single process. In a database it is one row for each job, here in
/// PostgreSQL, and each method is one statement. Leases end by the database's clock, so those of the replicas need not
/// agree.
///
/// ```sql
/// CREATE TABLE firstlight_cron (
///     name          text PRIMARY KEY,
///     scheduled_for timestamptz NOT NULL, -- the latest tick that was claimed
///     holder        text NOT NULL,        -- by whom
///     leased_until  timestamptz,          -- NULL once its run has ended
///     last_success  timestamptz,
///     first_seen    timestamptz
/// );
/// -- first_seen
/// INSERT INTO firstlight_cron AS held (name, scheduled_for, holder, first_seen) VALUES ($1, '-infinity', '', $2)
/// ON CONFLICT (name) DO UPDATE SET first_seen = coalesce(held.first_seen, excluded.first_seen)
/// RETURNING first_seen;
/// -- claim: `Granted` if it returns a row. Otherwise read the row, and compare it as `Claim` says.
/// INSERT INTO firstlight_cron AS held (name, scheduled_for, holder, leased_until) VALUES ($1, $2, $3, now() + $4)
/// ON CONFLICT (name) DO UPDATE
/// SET scheduled_for = excluded.scheduled_for, holder = excluded.holder, leased_until = excluded.leased_until
/// WHERE held.scheduled_for < excluded.scheduled_for AND (held.leased_until IS NULL OR held.leased_until <= now())
///    OR held.scheduled_for = excluded.scheduled_for AND held.leased_until <= now()
/// RETURNING name;
/// -- extend: whether it changed a row.
/// UPDATE firstlight_cron SET leased_until = now() + $4
/// WHERE name = $1 AND scheduled_for = $2 AND holder = $3 AND leased_until IS NOT NULL;
/// -- finish: NULL if it succeeded or failed, now() if it was interrupted.
/// UPDATE firstlight_cron SET leased_until = $4, last_success = coalesce($5, last_success)
/// WHERE name = $1 AND scheduled_for = $2 AND holder = $3;
/// ```
pub trait Store: Send + Sync + 'static {
    /// What goes wrong. Shown in a log line; the tick is tried again until the next one is due.
    type Error: Display + Send;

    /// Takes the tick for the time of `lease`, if no process has had it and none runs an earlier one. One of many replicas that
    /// ask at once is granted it.
    fn claim(
        &self,
        request: ClaimRequest<'_>,
        lease: Duration,
    ) -> impl Future<Output = Result<Claim, Self::Error>> + Send;

    /// Prolongs the lease to `lease` from now. `false` if the claim belongs to another process by now: the run is cancelled then, and
    /// not finished.
    fn extend(
        &self,
        request: ClaimRequest<'_>,
        lease: Duration,
    ) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// Notes the end of a run, and `at` as the last success if it was one. Nothing changes if the claim belongs to another process.
    fn finish(
        &self,
        request: ClaimRequest<'_>,
        ended: RunOutcome,
        at: SystemTime,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// When `cron` was first scheduled; notes `now` if no replica has asked before. The alert on missed runs counts from it
    /// until a run succeeds, over restarts.
    fn first_seen(
        &self,
        cron: &str,
        now: SystemTime,
    ) -> impl Future<Output = Result<SystemTime, Self::Error>> + Send;

    /// When a run of `cron` last succeeded; `None` if none ever has.
    fn last_success(
        &self,
        cron: &str,
    ) -> impl Future<Output = Result<Option<SystemTime>, Self::Error>> + Send;
}
