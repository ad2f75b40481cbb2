//! Scheduled work that spreads itself, runs once across replicas, and misses nothing in silence.
//!
//! A [`Schedule`] says when, a [`Cron`] names it and sets its limits, a [`Scheduler`] runs it, and a [`Store`] remembers:
//!
//! ```no_run
//! use std::time::Duration;
//! use firstlight::cron::{LocalStore, Schedule, Scheduler};
//!
//! # async fn remove_expired_carts() -> Result<(), std::io::Error> { Ok(()) }
//! # async fn refresh_rates() -> Result<(), std::io::Error> { Ok(()) }
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! Scheduler::new(LocalStore::default())
//!     .add(Schedule::cron("0 3 * * *")?.named("cleanup"), remove_expired_carts)
//!     .add(
//!         Schedule::every(Duration::from_secs(60))?
//!             .named("rates")
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
//! * **Jitter, by default.** A hundred jobs that are all due at 3 a.m. start over the five minutes after it, so that the
//!   database does not meet them all at once. See [`Cron::jitter`].
//! * **One runner.** The replica that claims a tick in the [`Store`] runs it, the other replicas do not. A run that dies with its
//!   process is taken over once its lease has ended, a minute later.
//! * **No overlap with itself.** A tick that comes while the run before it still goes on is skipped and counted.
//! * **A time limit**, by default the time until the next tick. See [`Cron::time_limit`].
//! * **A trace of its own**, with one span named `cron <name>`; one log line at its end; the `cron_*` metrics.
//!
//! A run is asked to happen at least once, not exactly once: a process can die between the work and the note that it is
//! done. Jobs must bear to be repeated.
//!
//! # Time
//!
//! Everything is UTC, and there is no setting for it. In a zone with daylight saving time, one hour of the year happens
//! twice and one never: a job at 02:30 would run twice in autumn and not at all in spring, and two replicas that
//! disagree about the zone would run it at two times. A job that people expect at their own 9 o'clock starts an hour
//! earlier or later for half of the year; run it at both and let the job look at the zone itself.
//!
//! A replica whose clock is wrong by less than the interval claims the same ticks as the others, only earlier or later.
//!
//! # What it leaves out
//!
//! Queues of work and their retries (a failed run waits for its next tick; enqueue a job where that is not enough),
//! schedules that are made at run time, and calendars.

mod clock;
mod declaration;
mod error;
mod jitter;
mod lease;
mod local;
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
    local::LocalStore,
    schedule::Schedule,
    scheduler::Scheduler,
    store::{Claim, ClaimRequest, RunOutcome, Store},
};
