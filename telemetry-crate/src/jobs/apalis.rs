//! Tasks of [apalis](https://docs.rs/apalis) 1.0, whatever its storage.
//!
//! ```text
//! WorkerBuilder::new(name)
//!     .backend(storage.poll_with_interval(…))
//!     .concurrency(4)
//!     .retry(RetryPolicy::retries(4).with_backoff(…))   ◀ before the layer: each attempt is measured on its own
//!     .layer(TaskLayer::new(&emails))
//!     .timeout(Duration::from_secs(30))                 ◀ after it: a task that ran out of time is an attempt that failed
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
//! The retry policy and the store both count attempts: the policy tries again in the process, with backoff, and a task that
//! the policy has given up on and that has attempts left is claimed from the store again, at once. Give the policy one
//! retry less than the task has attempts, and a task that it gives up on is dead.
//!
//! What is left out: queries. Which storage it is stays the program's choice, so it runs [`SQLITE_STATS`] or
//! [`POSTGRES_STATS`] itself.

mod future;
mod metadata;
mod service;
mod stats;

pub use self::{
    future::TaskFuture,
    service::{TaskLayer, TaskService},
    stats::{POSTGRES_STATS, SQLITE_STATS, StatsRow, stats},
};
#[expect(unused_imports, reason = "the docs name it")]
use super::Envelope;
