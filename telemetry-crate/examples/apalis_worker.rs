//! A service that enqueues jobs with apalis on SQLite.
//!
//! It accepts orders and sends the receipts later. The order and the job are saved in one transaction. A worker runs
//! the jobs with retries, the queue's depth and age are measured, and the worker drains at the end. Orders come from a
//! timer instead of HTTP.
//!
//! Run it with `cargo run -p firstlight --features apalis --example apalis_worker`, then
//! `curl localhost:9464/metrics`, then press Ctrl-C.

use std::{
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use apalis::{
    layers::WorkerBuilderExt,
    prelude::{BoxDynError, TaskBuilder, WorkerBuilder, WorkerError},
};
use apalis_core::backend::ext::BackendExt;
use apalis_sqlite::{Config, SqliteStorage, queries::push_tasks};
use firstlight::{
    InitError,
    jobs::{
        Queue,
        apalis::{Retry, SQLITE_POSTPONE, SQLITE_STATS, TaskLayer, stats},
    },
    run_service, shutdown_signal,
};
use sqlx::{SqlitePool, sqlite::SqliteConnectOptions};
use tracing::Instrument;

/// Attempts of one task, including the first.
const ATTEMPTS: usize = 5;

#[tokio::main]
async fn main() -> Result<ExitCode, InitError> {
    let telemetry = firstlight::init!()?;
    let result = run_service(run()).await; // a signal also cancels a slow start
    Ok(telemetry.finish(result))
}

async fn run() -> Result<(), BoxDynError> {
    let receipts = Queue::declare("receipts").system("apalis");
    let receipts = receipts.latency_budget(Duration::from_secs(30));
    let pool = database().await?;

    let counted = pool.clone();
    let watch = receipts.watch(Duration::from_secs(15), move || {
        let pool = counted.clone();
        async move {
            // A receipt that a worker has held for a minute counts as stuck.
            let query = sqlx::query_as(SQLITE_STATS).bind("receipts").bind(60_i64);
            query.fetch_one(&pool).await.map(stats)
        }
    });
    let worker = tokio::spawn(work(receipts.clone(), pool.clone()));
    tokio::select! {
        result = take_orders(&receipts, &pool) => result?,
        () = shutdown_signal() => {}
    }
    // The worker observes the same signal and finishes the jobs that it has started.
    worker.await?;
    drop(watch);
    Ok(())
}

async fn database() -> Result<SqlitePool, sqlx::Error> {
    let file = std::env::temp_dir().join("firstlight-example.db");
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true);
    let pool = SqlitePool::connect_with(options).await?;
    SqliteStorage::migrations().run(&pool).await?;
    let table = "CREATE TABLE IF NOT EXISTS orders (number INTEGER PRIMARY KEY)";
    sqlx::query(table).execute(&pool).await?;
    Ok(pool)
}

async fn take_orders(receipts: &Queue, pool: &SqlitePool) -> Result<(), BoxDynError> {
    loop {
        let order = accept(receipts, pool).instrument(tracing::info_span!("accept order"));
        let number = order.await?;
        tracing::info!(number, "accepted");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Saves an order and its job in one transaction.
async fn accept(receipts: &Queue, pool: &SqlitePool) -> Result<i64, BoxDynError> {
    let mut transaction = pool.begin().await?;
    let saved = sqlx::query("INSERT INTO orders DEFAULT VALUES");
    let number = saved.execute(&mut *transaction).await?.last_insert_rowid();
    let connection = &mut *transaction;
    let enqueued = receipts.enqueue("receipt", |envelope| async move {
        let task = TaskBuilder::new(serde_json::to_vec(&number)?)
            .metadata(&envelope)
            .max_attempts(ATTEMPTS)
            .build();
        push_tasks(connection, "receipts", &[task]).await?;
        Ok::<(), BoxDynError>(())
    });
    enqueued.await?;
    transaction.commit().await?;
    Ok(number)
}

/// Runs workers until the signal to stop.
///
/// A failed query ends an apalis worker. This function then starts a new worker.
async fn work(receipts: Queue, pool: SqlitePool) {
    let config = Config::default()
        .queue("receipts")
        .batch_size(1)
        .heartbeat_interval(Duration::from_secs(5))
        .missed_heartbeats(3);
    loop {
        let storage = SqliteStorage::<i64>::new(&pool).with_config(config.clone());
        let postponed = pool.clone();
        let layer = TaskLayer::new(&receipts).kind("receipt");
        let layer = layer.before_retry(move |retry| postpone(postponed.clone(), retry));
        // apalis refuses the name of a live worker. The time is unique across starts. A process id
        // is not, because it is 1 in every container.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        let name = format!("receipts-{}", since_epoch.unwrap_or_default().as_nanos());
        let worker = WorkerBuilder::new(name)
            .backend(storage.poll_with_interval(Duration::from_millis(200)))
            .concurrency(4)
            .layer(layer)
            .timeout(Duration::from_secs(30))
            .build(send_receipt);
        let end = async {
            shutdown_signal().await;
            Ok::<(), WorkerError>(())
        };
        match worker.run_until(end).await {
            Ok(()) => return,
            Err(error) => tracing::error!(%error, "the worker ended; another begins in 1 s"),
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            () = shutdown_signal() => return,
        }
    }
}

/// Sets the earliest time at which the storage returns the task again.
async fn postpone(pool: SqlitePool, retry: Retry) {
    let query = sqlx::query(SQLITE_POSTPONE);
    let query = query.bind(retry.pause_seconds()).bind(retry.task_id);
    if let Err(error) = query.execute(&pool).await {
        tracing::warn!(%error, "the receipt is tried again at once");
    }
}

/// Stands for a mail server that rejects every seventh receipt, on each attempt.
async fn send_receipt(number: i64) -> Result<(), BoxDynError> {
    tokio::time::sleep(Duration::from_millis(30)).await;
    if number % 7 == 0 {
        return Err("the mail server is busy".into());
    }
    Ok(())
}
