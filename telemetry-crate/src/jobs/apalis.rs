//! Tasks of [apalis](https://docs.rs/apalis) 1.0, whatever its storage.
//!
//! ```text
//! WorkerBuilder::new(name)
//!     .backend(storage.poll_with_interval(…))
//!     .concurrency(4)
//!     .layer(TaskLayer::new(&emails).before_retry(…))
//!     .timeout(Duration::from_secs(30))   ◀ after the layer: a task that ran out of time is an attempt that failed
//!     .build(send_email)
//! ```
//!
//! [`Envelope::to_pairs`] collects into apalis' `MetadataStore`, and an [`Envelope`] is `Metadata`, so it goes with the task
//! through every storage, over restarts:
//!
//! ```
//! use apalis_core::task::builder::TaskBuilder;
//! use firstlight::jobs::Envelope;
//!
//! let task = TaskBuilder::new("4711").metadata(&Envelope::here_and_now()).max_attempts(5).build();
//! # drop(task);
//! ```
//!
//! A task that failed and has attempts left is handed out again by the store, at once unless [`TaskLayer::before_retry`] sets
//! a later time. apalis' own `retry()` with backoff is not for a service: a worker that is told to end while a task waits
//! there never ends.
//!
//! What is left out: queries. Which storage it is stays the program's choice, so it runs [`SQLITE_STATS`] or
//! [`POSTGRES_STATS`] itself.

mod future;
mod metadata;
mod postpone;
mod service;
mod stats;

pub use self::{
    future::TaskFuture,
    postpone::{POSTGRES_POSTPONE, Retry, SQLITE_POSTPONE},
    service::{TaskLayer, TaskService},
    stats::{POSTGRES_STATS, SQLITE_STATS, StatsRow, stats},
};
#[expect(unused_imports, reason = "the docs name it")]
use super::Envelope;
