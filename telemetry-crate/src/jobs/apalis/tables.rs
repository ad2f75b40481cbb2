//! Access to apalis' tables, with one interface for both databases.

#[cfg(feature = "apalis-postgres")]
mod postgres;
#[cfg(feature = "apalis-sqlite")]
mod sqlite;

use std::time::Duration;

use apalis_core::{
    error::WorkerError, task::Task, worker::context::WorkerContext, worker::event::Event,
};
use futures_core::Stream;
use sqlx::{Database, Error, Pool, migrate::Migrator};

use super::{
    draining::Drain, postpone::Retry, service::TaskLayer, stats::StatsRow, worker::Attempts,
};

/// Interval of polling for new tasks.
///
/// It is short enough for a client that waits for the outcome, and a negligible load.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Interval of a worker's heartbeats.
pub(super) const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);

/// Number of missed heartbeats after which other workers take over the tasks.
const MISSED_HEARTBEATS: usize = 3;

/// A database with apalis' tables.
///
/// Implemented for `sqlx::Sqlite` with the feature `apalis-sqlite`, and for `sqlx::Postgres` with
/// `apalis-postgres`.
pub trait Tables: Storage {}

/// Returns the migrations of apalis' tables, with a migration table of their own.
///
/// In a shared migration table, each set would consider the other's migrations missing, and refuse
/// to run.
pub fn migrations<DB: Tables>() -> Migrator {
    let mut migrations = DB::migrations();
    migrations.dangerous_set_table_name("_apalis_migrations");
    migrations
}

/// Row of a dead-lettered task: queue, id, attempts, job, result.
pub(super) type DeadRow = (Vec<u8>, Vec<u8>, i64, Vec<u8>, Option<Vec<u8>>);

/// Statements that workers and queues run.
///
/// The trait is sealed: a program uses [`Tables`] as the bound.
#[expect(unnameable_types, reason = "sealed")]
pub trait Storage: Database {
    fn migrations() -> Migrator;

    fn push(
        connection: &mut Self::Connection,
        queue: &str,
        task: Task<Vec<u8>>,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Runs the worker of `context` while the returned event stream is polled.
    fn work(
        pool: &Pool<Self>,
        context: &WorkerContext,
        queue: &str,
        layer: TaskLayer,
        attempts: &Attempts,
        drain: &Drain,
    ) -> impl Stream<Item = Result<Event, WorkerError>> + Send;

    fn heartbeat(pool: &Pool<Self>, worker: &str)
    -> impl Future<Output = Result<(), Error>> + Send;

    /// Releases the tasks of the worker with this name, without counting attempts.
    fn release(pool: &Pool<Self>, worker: &str) -> impl Future<Output = Result<u64, Error>> + Send;

    fn postpone(pool: &Pool<Self>, retry: Retry) -> impl Future<Output = Result<(), Error>> + Send;

    /// Dead-letters the rows that apalis cannot read.
    ///
    /// Returns their ids and reasons.
    fn dead_letter_unreadable(
        pool: &Pool<Self>,
        queue: &str,
    ) -> impl Future<Output = Result<Vec<(String, String)>, Error>> + Send;

    /// Returns the names of the first 100 queues, including undeclared ones.
    ///
    /// They are bytes, because SQLite can store text that is not UTF-8.
    fn queues(pool: &Pool<Self>) -> impl Future<Output = Result<Vec<Vec<u8>>, Error>> + Send;

    fn stats(
        pool: &Pool<Self>,
        queue: &str,
        stuck_after: Duration,
    ) -> impl Future<Output = Result<StatsRow, Error>> + Send;

    /// Returns the status, the attempts and the maximum attempts of a job.
    fn job_state(
        pool: &Pool<Self>,
        queue: &str,
        key: &str,
    ) -> impl Future<Output = Result<Option<(String, i64, i64)>, Error>> + Send;

    /// Returns the key, the status, the attempts and the maximum attempts of jobs.
    ///
    /// The keys are an array in JSON.
    fn job_states(
        pool: &Pool<Self>,
        queue: &str,
        keys: String,
    ) -> impl Future<Output = Result<Vec<(String, String, i64, i64)>, Error>> + Send;

    fn dead_letters(pool: &Pool<Self>) -> impl Future<Output = Result<Vec<DeadRow>, Error>> + Send;

    /// Makes the dead letter `id` pending again, or all of them without an `id`.
    fn retry_dead_lettered(
        pool: &Pool<Self>,
        id: Option<&str>,
    ) -> impl Future<Output = Result<u64, Error>> + Send;

    fn remove_finished(
        pool: &Pool<Self>,
        age: Duration,
    ) -> impl Future<Output = Result<u64, Error>> + Send;
}

/// The statements that differ between the databases.
struct Statements {
    heartbeat: &'static str,
    release: &'static str,
    postpone: &'static str,
    queues: &'static str,
    stats: &'static str,
    state: &'static str,
    states: &'static str,
    dead_letters: &'static str,
    retry_dead_lettered: &'static str,
    remove_finished: &'static str,
}

/// Implements the traits with the code that both databases share.
macro_rules! storage {
    ($db:ty, $backend:ident, $config:ty, $statements:expr, $push:path, $dead_letter:path) => {
        impl $crate::jobs::apalis::tables::Tables for $db {}

        impl $crate::jobs::apalis::tables::Storage for $db {
            fn migrations() -> sqlx::migrate::Migrator {
                $backend::migrations()
            }

            async fn push(
                connection: &mut Self::Connection,
                queue: &str,
                task: apalis_core::task::Task<Vec<u8>>,
            ) -> Result<(), sqlx::Error> {
                $push(connection, queue, task).await
            }

            fn work(
                pool: &sqlx::Pool<Self>,
                context: &apalis_core::worker::context::WorkerContext,
                queue: &str,
                layer: $crate::jobs::apalis::TaskLayer,
                attempts: &$crate::jobs::apalis::worker::Attempts,
                drain: &$crate::jobs::apalis::draining::Drain,
            ) -> impl futures_core::Stream<
                Item = Result<apalis_core::worker::event::Event, apalis_core::error::WorkerError>,
            > + Send {
                use apalis_core::backend::ext::BackendExt;
                use $crate::jobs::apalis::{
                    draining::Draining, payload::RawCodec, poll_interval::PollInterval, tables,
                };

                let config = <$config>::default()
                    .queue(queue)
                    // Tasks are fetched one at a time, because tasks that wait in memory look like
                    // those of a dead worker, and would run twice.
                    .batch_size(1)
                    .heartbeat_interval(tables::HEARTBEAT_INTERVAL)
                    .missed_heartbeats(tables::MISSED_HEARTBEATS);
                let tasks = $backend::<Vec<u8>>::new(pool)
                    .with_config(config)
                    .with_codec(RawCodec)
                    .poll_with_strategy(PollInterval::new(tables::POLL_INTERVAL));
                let work = attempts.clone();
                apalis_core::worker::builder::WorkerBuilder::new(context)
                    .backend(Draining::new(tasks, drain))
                    .layer(tower::limit::ConcurrencyLimitLayer::new(
                        attempts.concurrency,
                    ))
                    .layer(layer)
                    .build(move |job: Vec<u8>| work.clone().run(job))
                    .stream()
            }

            async fn heartbeat(pool: &sqlx::Pool<Self>, worker: &str) -> Result<(), sqlx::Error> {
                let query = sqlx::query($statements.heartbeat).bind(worker.to_owned());
                query.execute(pool).await.map(drop)
            }

            async fn release(pool: &sqlx::Pool<Self>, worker: &str) -> Result<u64, sqlx::Error> {
                let query = sqlx::query($statements.release).bind(worker.to_owned());
                Ok(query.execute(pool).await?.rows_affected())
            }

            async fn postpone(
                pool: &sqlx::Pool<Self>,
                retry: $crate::jobs::apalis::Retry,
            ) -> Result<(), sqlx::Error> {
                let query = sqlx::query($statements.postpone)
                    .bind(retry.pause_seconds())
                    .bind(retry.task_id);
                query.execute(pool).await.map(drop)
            }

            async fn dead_letter_unreadable(
                pool: &sqlx::Pool<Self>,
                queue: &str,
            ) -> Result<Vec<(String, String)>, sqlx::Error> {
                $dead_letter(pool, queue).await
            }

            async fn queues(pool: &sqlx::Pool<Self>) -> Result<Vec<Vec<u8>>, sqlx::Error> {
                sqlx::query_scalar($statements.queues).fetch_all(pool).await
            }

            async fn stats(
                pool: &sqlx::Pool<Self>,
                queue: &str,
                stuck_after: std::time::Duration,
            ) -> Result<$crate::jobs::apalis::StatsRow, sqlx::Error> {
                let row = sqlx::query_as($statements.stats)
                    .bind(queue.to_owned())
                    .bind($crate::jobs::apalis::tables::seconds(stuck_after));
                row.fetch_one(pool).await
            }

            async fn job_state(
                pool: &sqlx::Pool<Self>,
                queue: &str,
                key: &str,
            ) -> Result<Option<(String, i64, i64)>, sqlx::Error> {
                let row = sqlx::query_as($statements.state)
                    .bind(queue.to_owned())
                    .bind(key.to_owned());
                row.fetch_optional(pool).await
            }

            async fn job_states(
                pool: &sqlx::Pool<Self>,
                queue: &str,
                keys: String,
            ) -> Result<Vec<(String, String, i64, i64)>, sqlx::Error> {
                let rows = sqlx::query_as($statements.states)
                    .bind(queue.to_owned())
                    .bind(keys);
                rows.fetch_all(pool).await
            }

            async fn dead_letters(
                pool: &sqlx::Pool<Self>,
            ) -> Result<Vec<$crate::jobs::apalis::tables::DeadRow>, sqlx::Error> {
                sqlx::query_as($statements.dead_letters)
                    .fetch_all(pool)
                    .await
            }

            async fn retry_dead_lettered(
                pool: &sqlx::Pool<Self>,
                id: Option<&str>,
            ) -> Result<u64, sqlx::Error> {
                let query =
                    sqlx::query($statements.retry_dead_lettered).bind(id.map(str::to_owned));
                Ok(query.execute(pool).await?.rows_affected())
            }

            async fn remove_finished(
                pool: &sqlx::Pool<Self>,
                age: std::time::Duration,
            ) -> Result<u64, sqlx::Error> {
                let query = sqlx::query($statements.remove_finished)
                    .bind($crate::jobs::apalis::tables::seconds(age));
                Ok(query.execute(pool).await?.rows_affected())
            }
        }
    };
}
use storage;

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
