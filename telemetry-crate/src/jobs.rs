//! Background jobs: traces and metrics of enqueueing, waiting and running.
//!
//! A queue is declared once, with its latency budget. The code that enqueues a job stores an
//! [`Envelope`] beside it. The worker runs the job with [`Queue::run`], which continues the trace:
//!
//! ```text
//! POST /orders ─▶ send emails (producer) ─▶ │ store │ ─▶ process emails (consumer) ─▶ whatever the job calls
//! ```
//!
//! ```no_run
//! use std::{collections::BTreeMap, time::Duration};
//! use firstlight::jobs::{Envelope, Job, Queue, QueueStats};
//!
//! # async fn insert(_: BTreeMap<String, String>) -> Result<(), std::io::Error> { Ok(()) }
//! # async fn count() -> Result<(u64, Duration), std::io::Error> { Ok((0, Duration::ZERO)) }
//! # async fn send_email() -> Result<(), std::io::Error> { Ok(()) }
//! # async fn run(row: BTreeMap<String, String>) -> Result<(), std::io::Error> {
//! let emails = Queue::declare("emails").latency_budget(Duration::from_secs(60));
//!
//! // Enqueueing. The envelope is text, for a column or the headers of a message:
//! emails.enqueue("welcome", |envelope| insert(envelope.to_pairs())).await?;
//!
//! // The worker:
//! let job = Job::new("welcome").attempt(1, 5).envelope(Envelope::from_pairs(row));
//! if let Err(failure) = emails.run(job, send_email()).await {
//!     if failure.is_dead_lettered() { /* dead-letter the job */ } else { /* try again later */ }
//! }
//!
//! // The queue's depth and age are read from the store while the watch is held:
//! let watch = emails.watch(Duration::from_secs(15), || async {
//!     let (ready, age) = count().await?;
//!     Ok::<_, std::io::Error>(QueueStats::new().ready(ready).oldest_age(age))
//! });
//! # drop(watch);
//! # Ok(())
//! # }
//! ```
//!
//! # One trace or two
//!
//! The [messaging
//! conventions](https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/) link a
//! consumer's span to the producer's span. For a message that is processed on its own, they allow
//! the consumer's span to be a child. This module makes it a child by default: a job after a
//! `202 Accepted` belongs to one request and ends soon, and an operator who looks for a missing
//! email wants a single trace from the click to the email. Sampling then applies to the whole
//! trace.
//!
//! [`Job::new_linked_trace`] links instead. It is for jobs that run hours later or are retried for
//! days, when a backend has closed the first trace, and for requests that enqueue thousands of
//! jobs. [`Job::link`] adds the other messages of a batch.
//!
//! # What is left out
//!
//! This module is not a queue. Storing, claiming, retrying with backoff and dead-lettering are the
//! work of a queue such as apalis (feature `apalis`: the module `jobs::apalis`). The module also
//! does not decide what happens to a canceled job, because only the code that drops the future of a
//! run knows the reason.

#[cfg(feature = "apalis")]
pub mod apalis;
mod catch;
mod enqueue;
mod envelope;
mod job;
mod outcome;
mod queue;
mod run;
mod running;
mod stats;
mod unreadable;
mod watch;
#[cfg(any(feature = "apalis-postgres", feature = "apalis-sqlite"))]
mod workerless;

pub(crate) use self::unreadable::{UnreadableQueue, unreadable};
#[cfg(any(feature = "apalis-postgres", feature = "apalis-sqlite"))]
pub(crate) use self::workerless::cautions;
pub use self::{
    envelope::Envelope,
    job::Job,
    outcome::{AttemptOutcome, Failure, FailureCause},
    queue::{Queue, QueueBuilder},
    stats::QueueStats,
    watch::QueueWatch,
};
use crate::targets::JOB_TARGET as TARGET;
