//! Tests of what `/explain` says about pools and queues.
//!
//! The other rules are caused in `tests/process/admin/explain.rs`.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use firstlight::jobs::{
    Queue,
    apalis::{AbortError, BoxDynError, TaskQueue, Workers},
};
use sqlx::{Sqlite, SqlitePool};
use tokio::{sync::Barrier, task::spawn_blocking, time::sleep};

use crate::{
    connection_uses, on_runtime,
    support::explanation::{Finding, wait_for},
    telemetry,
    workers::{
        Note, Running,
        database::{TestDatabase, sqlite},
        enqueue, queue,
    },
};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("explain::exhausted_pools_are_found", || {
        on_runtime(exhausted());
    }),
    ("explain::late_queues_are_found", || on_runtime(late())),
    (
        "explain::growing_queues_are_found",
        || on_runtime(growing()),
    ),
    (
        "explain::unknown_queues_are_found",
        || on_runtime(unknown()),
    ),
    ("explain::dead_letters_are_found", || on_runtime(dead())),
    ("explain::stuck_jobs_are_found", || on_runtime(stuck())),
    ("explain::unreadable_queues_are_found", || {
        on_runtime(unreadable());
    }),
];

/// The shortest interval at which the state of a queue is read.
const OFTEN: Duration = Duration::from_secs(1);

/// Waits for a finding on another thread, because the test is asynchronous.
async fn found(part: &'static str, sentence: &'static str, test: fn(&Finding) -> bool) -> Finding {
    let admin = telemetry::address();
    let wait = move || wait_for(admin, part, sentence, test);
    spawn_blocking(wait).await.unwrap()
}

const EXHAUSTED: &str = "the pool explained is exhausted: 2 of 2 connections are used";

/// Holds both connections of a pool in transactions.
async fn exhausted() {
    let pool = connection_uses::sqlite("explained").await;
    firstlight::sqlx::instrument_pool_as(&pool, "explained");
    let is_over = Arc::new(AtomicBool::new(false));
    let all_hold = Arc::new(Barrier::new(3));
    let holders = [(), ()].map(|()| {
        let (pool, is_over, all_hold) = (pool.clone(), is_over.clone(), all_hold.clone());
        connection_uses::spawn("POST /sleeps", async move {
            let transaction = firstlight::sqlx::begin(&pool).await.unwrap();
            all_hold.wait().await;
            while !is_over.load(Ordering::Relaxed) {
                sleep(Duration::from_millis(10)).await;
            }
            transaction.rollback().await.unwrap();
        })
    });
    // Otherwise the one that waits may be the first.
    all_hold.wait().await;
    let waiting = {
        let pool = pool.clone();
        connection_uses::spawn("GET /waits", async move {
            let transaction = firstlight::sqlx::begin(&pool).await.unwrap();
            transaction.rollback().await.unwrap();
        })
    };
    let found = found("connection pools", EXHAUSTED, |found| {
        found.has(&["GET /waits"]) && found.evidence().len() == 3
    })
    .await;
    found.shown_by(&["waiting: 1, the first one: GET /waits waits for "]);
    assert_eq!(found.severity(), "broken");
    found.shown_by(&[
        "POST /sleeps holds one for ",
        ": transaction at ",
        "queries/explain.rs:",
        " (trace ",
    ]);
    let open = found.answer_of("/traces?open");
    assert!(open.contains(found.trace_id("POST /sleeps")), "{open}");
    found.runbook("DatabasePoolExhausted");
    is_over.store(true, Ordering::Relaxed);
    for task in holders.into_iter().chain([waiting]) {
        task.await.unwrap();
    }
    pool.close().await;
}

fn workers(pool: &SqlitePool) -> Workers<Sqlite> {
    let workers = Workers::new(pool.clone()).watch_interval(OFTEN);
    // A worker that stops cancels the jobs that hang.
    workers.concurrency(1).drain(Duration::from_millis(100))
}

/// Lets a job wait longer than the latency budget, while the only worker hangs.
async fn late() {
    let pool = sqlite("explain-late").await;
    let declared = Queue::declare("explain-late").latency_budget(Duration::from_secs(2));
    let notes = TaskQueue::<Note>::new("note", declared);
    enqueue(&pool, &notes, 0).await;
    enqueue(&pool, &notes, 1).await;
    let running = Running::start(workers(&pool).add(&notes, |_| async {
        tracing::info!("asks the bank");
        pending::<Result<(), BoxDynError>>().await
    }));
    let sentence = "the oldest job of the queue explain-late has waited ";
    let late = found("queues", sentence, |found| {
        found
            .sentence()
            .ends_with(", longer than its budget of 2.0 s")
    });
    let found = late.await;
    assert_eq!(found.severity(), "broken");
    found.shown_by(&["process explain-late runs for ", "(trace "]);
    let jobs = found.answer_of("/traces?open&failed&route=process");
    assert!(
        jobs.contains(found.trace_id("process explain-late")),
        "{jobs}"
    );
    found.runbook("WorkerQueueStalled");
    running.stop().await;
}

/// Lets a job wait for more than half of the latency budget.
async fn growing() {
    let pool = sqlite("explain-growing").await;
    let declared = Queue::declare("explain-growing").latency_budget(Duration::from_secs(600));
    let notes = TaskQueue::<Note>::new("note", declared);
    enqueue(&pool, &notes, 0).await;
    enqueue(&pool, &notes, 1).await;
    Sqlite::execute(&pool, "UPDATE Jobs SET run_at = unixepoch() - 400").await;
    let running =
        Running::start(workers(&pool).add(&notes, |_| pending::<Result<(), BoxDynError>>()));
    let sentence = "the oldest job of the queue explain-growing has waited ";
    let found = found("queues", sentence, |_| true).await;
    let budget = "more than half of its budget of 10 min";
    assert!(found.sentence().ends_with(budget), "{found:#?}");
    assert_eq!(found.severity(), "warning");
    found.answer_of("/traces?open&failed&route=process");
    found.runbook("WorkerQueueGrowing");
    running.stop().await;
}

/// Leaves a job in a queue that was renamed.
async fn unknown() {
    let pool = sqlite("explain-unknown").await;
    let notes = queue("explain-known");
    Sqlite::insert(&pool, "explain-unknown", b"{}").await;
    Sqlite::execute(&pool, "UPDATE Jobs SET run_at = unixepoch() - 3600").await;
    let running =
        Running::start(workers(&pool).add(&notes, |_| async { Ok::<_, BoxDynError>(()) }));
    let sentence = "the oldest job of the queue explain-unknown has waited 60 min, \
                    and no worker of this process knows this queue";
    let found = found("queues", sentence, |_| true).await;
    found.answer_of("/traces?open&failed&route=process");
    found.runbook("WorkerQueueUnknown");
    running.stop().await;
}

async fn dead() {
    let pool = sqlite("explain-dead").await;
    let notes = queue("explain-dead");
    enqueue(&pool, &notes, 0).await;
    let running = Running::start(workers(&pool).add(&notes, |_| async {
        Err::<(), BoxDynError>(AbortError::new("the card is declined").into())
    }));
    let sentence = "jobs of the queue explain-dead that are dead-lettered: 1";
    let found = found("queues", sentence, |_| true).await;
    found.shown_by(&[
        "process explain-dead failed ",
        " ago with: ",
        "the card is declined",
        "(trace ",
    ]);
    let jobs = found.answer_of("/traces?failed&route=process");
    assert!(
        jobs.contains(found.trace_id("process explain-dead")),
        "{jobs}"
    );
    found.runbook("WorkerDeadLetters");
    running.stop().await;
}

/// Leaves a job in a state that no worker takes.
async fn stuck() {
    let pool = sqlite("explain-stuck").await;
    let notes = queue("explain-stuck");
    enqueue(&pool, &notes, 0).await;
    Sqlite::change(&pool, 0, "status = 'Lost'").await;
    let running =
        Running::start(workers(&pool).add(&notes, |_| async { Ok::<_, BoxDynError>(()) }));
    let sentence = "jobs of the queue explain-stuck that are stuck: 1";
    let found = found("queues", sentence, |_| true).await;
    found.answer_of("/traces?open&route=process");
    found.runbook("WorkerJobsStuck");
    running.stop().await;
}

async fn unreadable() {
    let pool = sqlite("explain-unreadable").await;
    let notes = queue("explain-unreadable");
    Sqlite::execute(&pool, Sqlite::HIDE).await;
    let running =
        Running::start(workers(&pool).add(&notes, |_| async { Ok::<_, BoxDynError>(()) }));
    let sentence = "the state of the queue explain-unreadable cannot be read";
    let found = found("queues", sentence, |_| true).await;
    assert_eq!(found.severity(), "broken");
    found.shown_by(&["for ", "no such table"]);
    found.answer_of("/traces?open");
    found.runbook("WorkerQueueUnreadable");
    Sqlite::execute(&pool, Sqlite::SHOW).await;
    running.stop().await;
}
