//! State that must outlive a process: the claim of a tick, and the last success.
//!
//! One trait covers both, because they are one row of a table. The history of runs is in the
//! traces, logs and metrics.

use std::{
    error::Error,
    future::Future,
    time::{Duration, SystemTime},
};

/// The answer to a replica that wants to run a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claim {
    /// The replica runs the tick; no other process does until the lease ends.
    Granted,
    /// A run of this tick has succeeded or failed, or a later tick was claimed.
    Done,
    /// Another process runs this tick.
    ///
    /// The scheduler asks again, in case that process dies.
    Running,
    /// Another process still runs an earlier tick.
    Overlaps,
}

/// How a run ended, for the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunOutcome {
    /// The run succeeded.
    Succeeded,
    /// The run failed; the next tick is the next attempt.
    Failed,
    /// The run was cut short by the end of its process.
    ///
    /// The next process that claims the same tick may run it.
    Interrupted,
}

/// A tick of a job, with the replica that wants to run it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClaimRequest<'a> {
    /// The job's name.
    pub cron: &'a str,
    /// The time at which the run is due, in whole seconds.
    pub tick: SystemTime,
    /// An identifier that is unique for each replica and each start of it.
    ///
    /// After a takeover, the previous holder no longer matches the claim.
    pub holder: &'a str,
}

impl<'a> ClaimRequest<'a> {
    /// Creates a request for the test of a store.
    ///
    /// The scheduler creates its own requests.
    pub fn new(cron: &'a str, tick: SystemTime, holder: &'a str) -> Self {
        Self { cron, tick, holder }
    }
}

/// Keeps the state of jobs for all replicas.
///
/// Ticks are whole seconds. [`LocalStore`](super::LocalStore) is a store for a single process. A
/// store in a database has one row for each job and one statement for each method, shown here for
/// PostgreSQL. Leases end by the database's clock, so the replicas' clocks need not agree.
///
/// ```sql
/// CREATE TABLE firstlight_cron (
///     name          text PRIMARY KEY,
///     scheduled_for timestamptz NOT NULL, -- the latest tick that was claimed
///     holder        text NOT NULL,        -- by whom
///     leased_until  timestamptz,          -- NULL once its run has succeeded or failed
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
    /// The store's error.
    ///
    /// It is logged with its causes. After an error, a tick is claimed again until the next tick is due.
    type Error: Into<Box<dyn Error + Send + Sync>> + Send;

    /// Claims the tick for `lease`.
    ///
    /// The claim is granted if no process has run this tick or claimed a later one, and none runs
    /// an earlier tick. An unfinished run whose lease has ended does not count. If several replicas
    /// ask at the same time, only one of them is granted the claim.
    fn claim(
        &self,
        request: ClaimRequest<'_>,
        lease: Duration,
    ) -> impl Future<Output = Result<Claim, Self::Error>> + Send;

    /// Extends the lease to `lease` from now.
    ///
    /// Returns `false` if the claim belongs to another process. The run is then canceled, and not
    /// finished.
    fn extend(
        &self,
        request: ClaimRequest<'_>,
        lease: Duration,
    ) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// Records the end of a run, and `at` as the last success if it succeeded.
    ///
    /// Changes nothing if the claim belongs to another process.
    fn finish(
        &self,
        request: ClaimRequest<'_>,
        ended: RunOutcome,
        at: SystemTime,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Returns the time at which `cron` was first scheduled.
    ///
    /// Records `now` if no replica has asked before. Until the first success, the alert on missed
    /// runs counts from this time, which outlasts restarts.
    fn first_seen(
        &self,
        cron: &str,
        now: SystemTime,
    ) -> impl Future<Output = Result<SystemTime, Self::Error>> + Send;

    /// Returns the time of the last successful run of `cron`, or `None`.
    fn last_success(
        &self,
        cron: &str,
    ) -> impl Future<Output = Result<Option<SystemTime>, Self::Error>> + Send;
}
