//! Scheduled jobs: jitter, one run across replicas, and a count of missed runs.
//!
//! A [`Schedule`] says when a job is due, a [`Cron`] gives it a name and limits, a [`Scheduler`]
//! runs it, and a [`Store`] keeps its state. A time at which a job is due is a *tick*.
//!
//! ```no_run
//! use std::time::Duration;
//! use firstlight::cron::{Cron, LocalStore, Scheduler};
//!
//! # async fn remove_expired_carts() -> Result<(), std::io::Error> { Ok(()) }
//! # async fn refresh_rates() -> Result<(), std::io::Error> { Ok(()) }
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! Scheduler::new(LocalStore::default())
//!     .add(Cron::parse("cleanup", "0 3 * * *")?, remove_expired_carts)
//!     .add(
//!         Cron::every("rates", Duration::from_secs(60))?
//!             .time_limit(Duration::from_secs(10)),
//!         || async { refresh_rates().await },
//!     )
//!     .run(firstlight::shutdown_signal())
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What each run gets
//!
//! * **Jitter, by default.** A hundred jobs that are all due at 3 a.m. start within the five
//!   minutes after it, so that the database does not get them all at once. See [`Cron::jitter`].
//! * **One runner.** The replica that claims a tick in the [`Store`] runs it, and the other
//!   replicas skip it. If its process dies, another replica takes over the run after the end of the
//!   lease, within two minutes.
//! * **No overlap with itself.** A tick that is due while the previous run is still active is
//!   skipped and counted.
//! * **A time limit**, by default the time until the next tick. See [`Cron::time_limit`].
//! * **A trace of its own**, with one span named `cron <name>`, one log line at its end, and the
//!   `cron_*` metrics.
//!
//! Each tick is run at least once, not exactly once: a process can die after the work and before it
//! records the end. So jobs must tolerate a repetition.
//!
//! # Time
//!
//! All schedules are in UTC, and there is no setting for it. In a time zone with daylight saving
//! time, one hour of the year happens twice and another never. A job at 02:30 would run twice in
//! autumn and not at all in spring, and two replicas with different time zones would run it at two
//! times. In UTC, a job that its users expect at 9 o'clock local time starts an hour earlier or
//! later for half of the year. Schedule it at both times, and let the job check the local time.
//!
//! A replica whose clock is wrong by less than the interval claims the same ticks as the others,
//! only earlier or later.
//!
//! # What is left out
//!
//! Work queues with retries (a failed run waits for its next tick; enqueue a job if that is not
//! enough), schedules that are made at run time, and calendars.

mod clock;
mod declaration;
mod error;
mod jitter;
mod lease;
mod local_store;
mod metrics;
mod run;
mod schedule;
mod scheduler;
mod stop;
mod store;
#[cfg(test)]
mod tests;
mod ticker;
mod utc;

pub use self::{
    declaration::{Cron, MisfirePolicy},
    error::CronError,
    local_store::LocalStore,
    schedule::Schedule,
    scheduler::Scheduler,
    store::{Claim, ClaimRequest, RunOutcome, Store},
};
