//! Asynchronous work: what goes into a queue, how long it waits there, and what becomes of it.
//!
//! A queue is declared once, with the latency that it may have. Who enqueues stores an [`Envelope`] beside the job; who works
//! runs the job as [`Queue::run`], and the trace goes on:
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
//! // Who enqueues. The envelope is text, for a column or the headers of a message:
//! emails.enqueue("welcome", |envelope| insert(envelope.to_pairs())).await?;
//!
//! // The worker:
//! let job = Job::new("welcome").attempt(1, 5).envelope(Envelope::from_pairs(row));
//! if let Err(failure) = emails.run(job, send_email()).await {
//!     if failure.is_dead() { /* put it aside */ } else { /* try again later */ }
//! }
//!
//! // Depth and age are read from the store, now and then, as long as this is held:
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
//! The [messaging conventions](https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/) link a consumer's span to
//! the producer's, and allow it to be a child for a message that is processed on its own. Here it is a child: a job of a
//! `202 Accepted` belongs to one request and is soon done, and one waterfall from the click to the email is what an operator
//! looks for who asks where the email is. Sampling then holds for all of it or none of it.
//!
//! [`Job::new_linked_trace`] links instead: for jobs that come hours later or are retried for days, when a backend has
//! closed the first trace, and for jobs of which one request makes thousands. [`Job::link`] adds the other messages of a
//! batch.
//!
//! # What is left out
//!
//! The queue: storing, claiming, retrying with backoff and burying are the work of one, such as apalis (feature `apalis`: the
//! module `jobs::apalis`). And a cancelled job's fate: the code that drops the future of a run knows it.

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
mod watch;

pub use self::{
    envelope::Envelope,
    job::Job,
    outcome::{Cause, Failure, Outcome},
    queue::{Declaration, Queue},
    stats::QueueStats,
    watch::Watch,
};

/// The target of the spans and the lines about jobs.
const TARGET: &str = "firstlight::jobs";
