//! What the workers ask of apalis' tables. Two databases, one set of questions.

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

/// How often a worker looks for new tasks: soon enough for a client that asks for the outcome, and no load on the database.
const POLL: Duration = Duration::from_millis(250);

/// How often a worker says that it is alive.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(5);

/// After so many missed heartbeats its tasks go to another.
const MISSED_HEARTBEATS: usize = 3;

/// A database with apalis' tables: `sqlx::Sqlite` with the feature `apalis-sqlite`, `sqlx::Postgres` with `apalis-postgres`.
pub trait Tables: Storage {}

/// The migrations of apalis' tables, with an account of their own beside that of the program's migrations. In the usual table
/// each set takes the other's for its own that are lost, and refuses to run.
pub fn migrations<DB: Tables>() -> Migrator {
    let mut migrations = DB::migrations();
    migrations.dangerous_set_table_name("_apalis_migrations");
    migrations
}

/// A task that failed for good, as its row says: queue, id, attempts, job, result.
pub(super) type DeadRow = (Vec<u8>, Vec<u8>, i64, Vec<u8>, Option<Vec<u8>>);

/// Sealed: a program names the database and leaves the rest to the workers.
#[expect(unnameable_types, reason = "sealed")]
pub trait Storage: Database {
    fn migrations() -> Migrator;

    fn push(
        connection: &mut Self::Connection,
        queue: &str,
        task: Task<Vec<u8>>,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// What happens in a worker of that name, as long as it is polled.
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

    /// Gives back what the worker of that name holds, with the attempt not counted.
    fn release(pool: &Pool<Self>, worker: &str) -> impl Future<Output = Result<u64, Error>> + Send;

    fn postpone(pool: &Pool<Self>, retry: Retry) -> impl Future<Output = Result<(), Error>> + Send;

    /// Dead-letters the rows that apalis cannot read, and returns their ids and why.
    fn bury_unreadable(
        pool: &Pool<Self>,
        queue: &str,
    ) -> impl Future<Output = Result<Vec<(String, String)>, Error>> + Send;

    /// The names of the first 100 queues, also of those that no worker knows. SQLite keeps any bytes.
    fn queues(pool: &Pool<Self>) -> impl Future<Output = Result<Vec<Vec<u8>>, Error>> + Send;

    fn stats(
        pool: &Pool<Self>,
        queue: &str,
        stuck_after: Duration,
    ) -> impl Future<Output = Result<StatsRow, Error>> + Send;

    /// Status, attempts, and how many there may be.
    fn job_state(
        pool: &Pool<Self>,
        queue: &str,
        key: &str,
    ) -> impl Future<Output = Result<Option<(String, i64, i64)>, Error>> + Send;

    fn dead(pool: &Pool<Self>) -> impl Future<Output = Result<Vec<DeadRow>, Error>> + Send;

    /// All of them without an id.
    fn revive(
        pool: &Pool<Self>,
        id: Option<&str>,
    ) -> impl Future<Output = Result<u64, Error>> + Send;

    fn remove_finished(
        pool: &Pool<Self>,
        age: Duration,
    ) -> impl Future<Output = Result<u64, Error>> + Send;
}

/// The statements, where they differ.
struct Statements {
    heartbeat: &'static str,
    release: &'static str,
    postpone: &'static str,
    queues: &'static str,
    stats: &'static str,
    state: &'static str,
    dead: &'static str,
    revive: &'static str,
    remove_finished: &'static str,
}

/// Everything that is the same word for word, with the types of one database.
macro_rules! storage {
    ($db:ty, $backend:ident, $config:ty, $statements:expr, $push:path, $bury:path) => {
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
                use $crate::jobs::apalis::{draining::Draining, payload::Raw, tables};

                let config = <$config>::default()
                    .queue(queue)
                    // One by one: tasks that wait in memory behind others are taken for those of a dead worker, and run twice.
                    .batch_size(1)
                    .heartbeat_interval(tables::HEARTBEAT)
                    .missed_heartbeats(tables::MISSED_HEARTBEATS);
                let tasks = $backend::<Vec<u8>>::new(pool)
                    .with_config(config)
                    .with_codec(Raw)
                    .poll_with_interval(tables::POLL);
                let handler = attempts.handler.clone();
                apalis_core::worker::builder::WorkerBuilder::new(context)
                    .backend(Draining::new(tasks, drain))
                    .layer(tower::limit::ConcurrencyLimitLayer::new(
                        attempts.concurrency,
                    ))
                    .layer(layer)
                    .layer(tower::timeout::TimeoutLayer::new(attempts.timeout))
                    .build(move |job: Vec<u8>| handler(job))
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

            async fn bury_unreadable(
                pool: &sqlx::Pool<Self>,
                queue: &str,
            ) -> Result<Vec<(String, String)>, sqlx::Error> {
                $bury(pool, queue).await
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

            async fn dead(
                pool: &sqlx::Pool<Self>,
            ) -> Result<Vec<$crate::jobs::apalis::tables::DeadRow>, sqlx::Error> {
                sqlx::query_as($statements.dead).fetch_all(pool).await
            }

            async fn revive(pool: &sqlx::Pool<Self>, id: Option<&str>) -> Result<u64, sqlx::Error> {
                let query = sqlx::query($statements.revive).bind(id.map(str::to_owned));
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
