//! The queue and its worker: jobs are rows of the database, so that one is stored in the transaction that it belongs to.
//!
//! A job runs **at least once**: a process that dies between the work and the note that it is done leaves it to another. So
//! whatever a job does must bear to be done again.
{%- unless example %}
//!
//! Your first job goes here: what it has to know is [`Job`], what it does is `run`. Whoever accepts the work calls
//! [`enqueue`].
{%- endunless %}

use std::{
    sync::LazyLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use apalis::{
    layers::WorkerBuilderExt,
    prelude::{ {%- unless example %}BoxDynError, Data, {% endunless %}TaskBuilder, WorkerBuilder, WorkerError},
};
use apalis_core::backend::ext::BackendExt;
{%- if store == "sqlite" %}
use apalis_sqlite::{Config, Error as QueueError, SqliteStorage as Storage, queries::push_tasks};
{%- else %}
use apalis_postgres::{
    Config, Error as QueueError, PostgresStorage as Storage, queries::push_tasks,
};
{%- endif %}
use firstlight::jobs::{
    Queue,
{%- if store == "sqlite" %}
    apalis::{Retry, SQLITE_POSTPONE as POSTPONE, SQLITE_STATS as STATS, TaskLayer, stats},
{%- else %}
    apalis::{POSTGRES_POSTPONE as POSTPONE, POSTGRES_STATS as STATS, Retry, TaskLayer, stats},
{%- endif %}
};
{%- unless example %}
use serde::{Deserialize, Serialize};
{%- endunless %}
use sqlx::migrate::Migrator;
use tokio::time::sleep;

use crate::{
{%- if example %}
    orders::{
        bank::Bank,
        charge::{Charge as Job, charge as run},
    },
{%- endif %}
    stop::Stop,
    store::{Connection, Store},
};

/// How often a job is tried until it is a dead letter.
const ATTEMPTS: usize = 5;
/// How long one attempt may take. Less than the drain at the end, so that what runs by then can end.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Jobs that run at the same time, in each process. Each may hold a connection: keep it below `DATABASE_MAX_CONNECTIONS`.
const CONCURRENCY: usize = 4;
/// How often the worker looks for new jobs: soon enough for whoever asks for the outcome, and no load on the database.
const POLL: Duration = Duration::from_millis(250);
/// Between the end of a worker that has lost its database and the next one.
const PAUSE: Duration = Duration::from_secs(1);

/// The queue, under the name that it has on the metrics page and in the database.
pub static QUEUE: LazyLock<Queue> = LazyLock::new(|| {
    Queue::declare("{% if example %}charges{% else %}jobs{% endif %}")
        .system("apalis")
        // Nobody waits longer than this for an answer that was promised.
        .latency_budget(Duration::from_secs(60))
});
/// What its jobs do, as a label.
const KIND: &str = "{% if example %}charge{% else %}greet{% endif %}";
{%- unless example %}

/// What a job has to know. It is stored as JSON, and read by the next version of the service as well.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// Whom to greet.
    pub name: String,
}

async fn run(job: Job, _store: Data<Store>) -> Result<(), BoxDynError> {
    tracing::info!(name = job.name, "hello");
    Ok(())
}
{%- endunless %}

/// Stores a job; in a transaction, it is there if and only if what it belongs to is. A `key` that the queue knows already
/// stores nothing{% if store == "postgres" %}, and breaks the transaction{% endif %}.
pub async fn enqueue(connection: &mut Connection, job: &Job, key: &str) -> Result<(), sqlx::Error> {
    let encoded = serde_json::to_vec(job);
    let job = encoded.map_err(|error| sqlx::Error::Encode(error.into()))?;
    let stored = QUEUE.enqueue(KIND, async |envelope| {
        let task = TaskBuilder::new(job)
            .metadata(&envelope)
            .max_attempts(ATTEMPTS)
            .idempotency_key(key)
            .build();
        push_tasks(connection, QUEUE.name(), {% if store == "sqlite" %}&[task]{% else %}vec![task]{% endif %}).await
    });
    // Like any other query's, so that a caller can tell a database that is away.
    stored.await.map_err(|error| match error {
        QueueError::Database(error) => error,
        other => sqlx::Error::Encode(other.into()),
    })
}

/// Works until the signal to stop, then ends what runs. A worker that has lost its database makes room for a new one.
pub async fn work(store: Store, {% if example %}bank: Bank, {% endif %}stop: Stop) {
    let watched = store.clone();
    let _watch = QUEUE.watch(Duration::from_secs(15), move || {
        let store = watched.clone();
        async move {
            let row = sqlx::query_as(STATS).bind(QUEUE.name());
            row.fetch_one(&store).await.map(stats)
        }
    });
    loop {
        let config = Config::default()
            .queue(QUEUE.name())
            // One by one: jobs that wait in memory behind others are taken for those of a dead worker, and run twice.
            .batch_size(1)
            // A killed process' jobs go to another 15 s later.
            .heartbeat_interval(Duration::from_secs(5))
            .missed_heartbeats(3);
        let jobs = Storage::<Job>::new(&store).with_config(config);
        let postponed = store.clone();
        let layer = TaskLayer::new(&QUEUE)
            .kind(KIND)
            .before_retry(move |retry| postpone(postponed.clone(), retry));
        let worker = WorkerBuilder::new(name())
            .backend(jobs.poll_with_interval(POLL))
            .data(store.clone())
{%- if example %}
            .data(bank.clone())
{%- endif %}
            .concurrency(CONCURRENCY)
            .layer(layer)
            .timeout(TIMEOUT)
            .build(run);
        let stopping = stop.clone();
        let until = async move {
            stopping.requested().await;
            Ok::<(), WorkerError>(())
        };
        let Err(error) = worker.run_until(until).await else {
            return;
        };
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the worker ended; another begins"
        );
        tokio::select! {
            () = sleep(PAUSE) => {}
            () = stop.clone().requested() => return,
        }
    }
}

/// Gives a job that failed a later time, in its row, so that it waits over a restart and keeps nobody from ending: about 1, 2, 4
/// and 8 s, half of it either way by chance, so that what failed together is not tried together.
async fn postpone(store: Store, retry: Retry) {
    let later = sqlx::query(POSTPONE)
        .bind(retry.pause_seconds())
        .bind(retry.task_id);
    if let Err(error) = later.execute(&store).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a job is tried again at once"
        );
    }
}

/// A name that no other worker has, not even this process' last one: the database takes one of the same name for dead.
fn name() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanoseconds = since.unwrap_or_default().as_nanos();
    format!("{}-{}-{nanoseconds}", QUEUE.name(), std::process::id())
}

/// The tables of the queue. They keep an account of their own, beside that of the service's migrations.
pub fn migrations() -> Migrator {
    let mut migrations = Storage::migrations();
    migrations.dangerous_set_table_name("_apalis_migrations");
    migrations
}

/// Forgets jobs that were done a week ago. Dead ones stay until somebody has looked at them: see `dead_letters`.
pub async fn remove_finished(store: &Store) -> Result<(), sqlx::Error> {
{%- if store == "sqlite" %}
    let removed =
        sqlx::query("DELETE FROM Jobs WHERE status = 'Done' AND done_at < unixepoch() - 7 * 86400");
{%- else %}
    let removed = sqlx::query(
        "DELETE FROM apalis.jobs WHERE status = 'Done' AND done_at < now() - interval '7 days'",
    );
{%- endif %}
    let removed = removed.execute(store).await?.rows_affected();
    tracing::info!(removed, "finished jobs removed");
    Ok(())
}
