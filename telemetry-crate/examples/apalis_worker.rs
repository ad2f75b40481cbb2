//! A service that accepts orders and sends the receipts later, with apalis on SQLite: the save and the job in one
//! transaction, a worker with retries, the queue's depth and age, and a drain at the end.
//!
//! `cargo run --features apalis --example apalis_worker`, then `curl localhost:9464/metrics`, then Ctrl-C. What it leaves out is
//! HTTP: orders come from a timer.

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
};
use sqlx::{SqlitePool, sqlite::SqliteConnectOptions};
use tokio::sync::watch;
use tracing::Instrument;

/// Of one task, the first included.
const ATTEMPTS: usize = 5;

#[tokio::main]
async fn main() -> Result<ExitCode, InitError> {
    let telemetry = firstlight::init!()?;
    Ok(telemetry.finish(run().await))
}

async fn run() -> Result<(), BoxDynError> {
    let receipts = Queue::declare("receipts").system("apalis");
    let receipts = receipts.latency_budget(Duration::from_secs(30));
    let pool = database().await?;
    let stop = Stop::on_signal();

    let counted = pool.clone();
    let watch = receipts.watch(Duration::from_secs(15), move || {
        let pool = counted.clone();
        async move {
            // A receipt that a worker has had for a minute is stuck.
            let query = sqlx::query_as(SQLITE_STATS).bind("receipts").bind(60_i64);
            query.fetch_one(&pool).await.map(stats)
        }
    });
    let worker = tokio::spawn(work(receipts.clone(), pool.clone(), stop.clone()));
    tokio::select! {
        result = take_orders(&receipts, &pool) => result?,
        () = stop.requested() => {}
    }
    // The worker hears the same signal, and finishes what it has begun.
    worker.await?;
    drop(watch);
    Ok(())
}

/// The signal to stop, for all that must hear it, also for who asks after it has come: each `shutdown_signal()` waits for a
/// signal of its own. Clones hear the same one.
#[derive(Clone)]
struct Stop(watch::Receiver<bool>);

impl Stop {
    fn on_signal() -> Self {
        let (sender, receiver) = watch::channel(false);
        tokio::spawn(async move {
            firstlight::shutdown_signal().await;
            sender.send_replace(true);
        });
        Self(receiver)
    }

    async fn requested(mut self) {
        // An error means that no receiver is left: the runtime ends.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
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

/// Either there are an order and its job, or there is neither.
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

/// Works until the process is told to end. A query that fails ends apalis' worker, so there is another after it.
async fn work(receipts: Queue, pool: SqlitePool, stop: Stop) {
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
        // One that no earlier start had; a process id would not do, which is 1 in every container.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        let name = format!("receipts-{}", since_epoch.unwrap_or_default().as_nanos());
        let worker = WorkerBuilder::new(name)
            .backend(storage.poll_with_interval(Duration::from_millis(200)))
            .concurrency(4)
            .layer(layer)
            .timeout(Duration::from_secs(30))
            .build(send_receipt);
        let stopping = stop.clone();
        let end = async move {
            stopping.requested().await;
            Ok::<(), WorkerError>(())
        };
        match worker.run_until(end).await {
            Ok(()) => return,
            Err(error) => tracing::error!(%error, "the worker ended; another begins in 1 s"),
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            () = stop.clone().requested() => return,
        }
    }
}

/// The store hands the task out again, and not before this.
async fn postpone(pool: SqlitePool, retry: Retry) {
    let query = sqlx::query(SQLITE_POSTPONE);
    let query = query.bind(retry.pause_seconds()).bind(retry.task_id);
    if let Err(error) = query.execute(&pool).await {
        tracing::warn!(%error, "the receipt is tried again at once");
    }
}

/// Fails now and then, as mail servers do.
async fn send_receipt(number: i64) -> Result<(), BoxDynError> {
    tokio::time::sleep(Duration::from_millis(30)).await;
    if number % 7 == 0 {
        return Err("the mail server is busy".into());
    }
    Ok(())
}
