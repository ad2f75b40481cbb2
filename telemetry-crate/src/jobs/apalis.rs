//! Telemetry and workers for tasks of [apalis](https://docs.rs/apalis) 1.0.
//!
//! [`TaskLayer`] works with any storage of apalis:
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
//! [`Envelope::to_pairs`] collects into apalis' `MetadataStore`, and an [`Envelope`] is `Metadata`.
//! So every storage keeps it with the task, over restarts:
//!
//! ```
//! use apalis_core::task::builder::TaskBuilder;
//! use firstlight::jobs::Envelope;
//!
//! let task = TaskBuilder::new("4711").metadata(&Envelope::current()).max_attempts(5).build();
//! # drop(task);
//! ```
//!
//! A failed task that has attempts left is handed out again at once, unless
//! [`TaskLayer::before_retry`] sets a later time. Do not use apalis' own `retry()` with backoff in
//! a service: a worker that has to stop while a task waits for its retry never ends.
//!
//! With the feature `apalis-sqlite` or `apalis-postgres`, [`Workers`] contains all of this and the
//! rest of a worker: polling, restarts, the drain, the state of the queues, dead letters. A kind of
//! job is then a type, its [`TaskQueue`], and a function.

#[cfg(any(feature = "apalis-postgres", feature = "apalis-sqlite"))]
mod dead_letters;
#[cfg(any(feature = "apalis-postgres", feature = "apalis-sqlite"))]
mod draining;
#[cfg(any(feature = "apalis-postgres", feature = "apalis-sqlite"))]
mod error;
mod future;
mod metadata;
#[cfg(any(feature = "apalis-postgres", feature = "apalis-sqlite"))]
mod payload;
#[cfg(any(feature = "apalis-postgres", feature = "apalis-sqlite"))]
mod poll_interval;
mod postpone;
#[cfg(any(feature = "apalis-postgres", feature = "apalis-sqlite"))]
mod repeats;
mod service;
#[cfg(any(feature = "apalis-postgres", feature = "apalis-sqlite"))]
mod state;
mod stats;
#[cfg(any(feature = "apalis-postgres", feature = "apalis-sqlite"))]
mod tables;
#[cfg(any(feature = "apalis-postgres", feature = "apalis-sqlite"))]
mod task_queue;
mod undecodable;
#[cfg(any(feature = "apalis-postgres", feature = "apalis-sqlite"))]
mod worker;
#[cfg(any(feature = "apalis-postgres", feature = "apalis-sqlite"))]
mod workers;

/// The error of a job that must not be tried again, and the type of any error.
pub use apalis_core::error::{AbortError, BoxDynError};

#[cfg(any(feature = "apalis-postgres", feature = "apalis-sqlite"))]
pub use self::{
    dead_letters::{DeadLetter, RetryError, dead_letters, remove_finished, retry_dead_letters},
    error::WorkersError,
    state::JobState,
    tables::{Tables, migrations},
    task_queue::TaskQueue,
    workers::Workers,
};
pub use self::{
    future::TaskFuture,
    postpone::{POSTGRES_POSTPONE, Retry, SQLITE_POSTPONE},
    service::{TaskLayer, TaskService},
    stats::{POSTGRES_STATS, SQLITE_STATS, StatsRow, stats},
};
#[expect(unused_imports, reason = "the docs name it")]
use super::Envelope;
