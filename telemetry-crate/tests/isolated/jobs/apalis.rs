//! Tests of apalis tasks on SQLite.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Mutex,
    time::{Duration, Instant},
};

use apalis::{
    layers::WorkerBuilderExt,
    prelude::{BoxDynError, TaskBuilder, WorkerBuilder, WorkerContext, WorkerError},
};
use apalis_core::{
    backend::ext::BackendExt,
    error::{AbortError, RetryAfterError},
    task::attempt::Attempt,
};
use apalis_sqlite::{Config, SqliteStorage, queries::push_tasks};
use firstlight::{
    TelemetryConfig,
    jobs::{
        Queue,
        apalis::{SQLITE_POSTPONE, SQLITE_STATS, StatsRow, TaskLayer, stats},
    },
    metrics::Format,
    testing::{OtlpReceiver, ReceivedSpan},
};
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};
use tracing::{Instrument, info_span};

/// Deadline of each wait.
const LONG: Duration = Duration::from_secs(30);

/// A task that was postponed: its attempt, its id, and `run_at` before and after.
type Postponed = (u32, String, [i64; 2]);

/// The calls of `before_retry`.
static RETRIES: Mutex<Vec<Postponed>> = Mutex::new(Vec::new());

/// Payloads, each of which is enqueued in a span of the same name.
const PAYLOADS: [&str; 6] = ["ok", "again", "fails", "aborts", "panics", "hangs"];

/// Runs a task, whose payload selects the result of each attempt.
async fn work(payload: String, attempt: Attempt) -> Result<(), BoxDynError> {
    tracing::info!("working");
    match (&*payload, attempt.current()) {
        ("again", 1) => Err("not yet".into()),
        ("later", ..=2) => Err(RetryAfterError::new("later", Duration::ZERO).into()),
        ("fails", _) => Err("no".into()),
        ("aborts", _) => Err(AbortError::new("never").into()),
        ("panics", ..=2) => panic!("on purpose"),
        ("hangs", ..=2) => std::future::pending().await,
        ("kills", _) => unreachable!("a task without attempts left must not run"),
        _ => Ok(()),
    }
}

async fn open(file: &PathBuf) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal);
    let pool = SqlitePool::connect_with(options).await.unwrap();
    SqliteStorage::migrations().run(&pool).await.unwrap();
    pool
}

/// Saves an order and enqueues its task in one transaction.
///
/// The transaction is rolled back unless `is_committed`.
async fn save_and_enqueue(pool: &SqlitePool, queue: &Queue, payload: &str, is_committed: bool) {
    let mut transaction = pool.begin().await.unwrap();
    sqlx::query("INSERT INTO orders (payload) VALUES (?1)")
        .bind(payload)
        .execute(&mut *transaction)
        .await
        .unwrap();
    let connection = &mut *transaction;
    let enqueue = queue.enqueue("note", |envelope| async move {
        let task = TaskBuilder::new(serde_json::to_vec(payload).unwrap())
            .metadata(&envelope)
            .max_attempts(3)
            .build();
        push_tasks(connection, "notes", &[task]).await
    });
    enqueue.await.unwrap();
    if is_committed {
        transaction.commit().await.unwrap();
    }
}

/// Counts the tasks of each state and reads the age of the oldest waiting task.
async fn queue_state(pool: &SqlitePool) -> StatsRow {
    let query = sqlx::query_as(SQLITE_STATS).bind("notes").bind(60_i64);
    query.fetch_one(pool).await.unwrap()
}

/// Reads the time of a task's next attempt.
async fn run_at(pool: &SqlitePool, task: &str) -> i64 {
    let query = sqlx::query_scalar("SELECT run_at FROM Jobs WHERE id = ?1").bind(task);
    query.fetch_one(pool).await.unwrap()
}

/// Runs a worker until no task is ready, running, or waiting for a retry.
async fn run_until_idle(pool: &SqlitePool, queue: &Queue, name: &str) {
    let config = Config::default().queue("notes").batch_size(1);
    let storage = SqliteStorage::<String>::new(pool).with_config(config);
    let postpone_pool = pool.clone();
    let layer = TaskLayer::new(queue)
        .kind("note")
        .before_retry(move |retry| {
            let pool = postpone_pool.clone();
            async move {
                let id = &retry.task_id;
                let before = run_at(&pool, id).await;
                let query = sqlx::query(SQLITE_POSTPONE).bind(1).bind(id);
                assert_eq!(query.execute(&pool).await.unwrap().rows_affected(), 1);
                let times = [before, run_at(&pool, id).await];
                let mut retries = RETRIES.lock().unwrap();
                retries.push((retry.attempt, id.clone(), times));
                drop(retries);
                // The worker must survive a panic here.
                assert_ne!(retry.attempt, 2, "on purpose");
            }
        });
    let worker = WorkerBuilder::new(name)
        .backend(storage.poll_with_interval(Duration::from_millis(20)))
        .concurrency(2)
        .layer(layer)
        .timeout(Duration::from_millis(500))
        .build(work);
    let pool = pool.clone();
    let idle = async move {
        let deadline = Instant::now() + LONG;
        loop {
            let (ready, _, running, retry, ..) = queue_state(&pool).await;
            if ready + running + retry == 0 {
                return Ok::<(), WorkerError>(());
            }
            assert!(Instant::now() < deadline, "{:?}", queue_state(&pool).await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    worker.run_until(idle).await.unwrap();
}

/// Returns outcome and error type of each attempt in the trace of a request.
fn outcomes<'a>(spans: &'a [ReceivedSpan], request: &str) -> Vec<(&'a str, &'a str)> {
    let request = spans.iter().find(|span| span.name == request).unwrap();
    let in_trace = |span: &&ReceivedSpan| span.trace_id == request.trace_id;
    let send = spans
        .iter()
        .filter(in_trace)
        .find(|span| span.kind == "producer");
    let attempts = spans
        .iter()
        .filter(in_trace)
        .filter(|span| span.kind == "consumer");
    attempts
        .map(|span| {
            assert_eq!(span.parent_span_id, send.unwrap().span_id);
            let attribute = |name: &str| span.attributes.get(name).map_or("", String::as_str);
            assert_eq!(attribute("messaging.message.id").len(), 26, "a ULID");
            assert_eq!(attribute("messaging.system.name"), "apalis");
            (attribute("worker.task.outcome"), attribute("error.type"))
        })
        .collect()
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn tasks_continue_the_request() {
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .otlp_endpoint(receiver.endpoint())
        .without_admin()
        .init()
        .unwrap();
    let queue = Queue::declare("notes").system("apalis");
    let queue = queue.latency_budget(Duration::from_secs(60));

    let file = std::env::temp_dir().join(format!("firstlight-jobs-{}.db", std::process::id()));
    let pool = open(&file).await;
    let table = sqlx::query("CREATE TABLE orders (payload TEXT NOT NULL)");
    table.execute(&pool).await.unwrap();
    for payload in PAYLOADS {
        let span = info_span!("request", otel.name = payload);
        save_and_enqueue(&pool, &queue, payload, true)
            .instrument(span)
            .await;
    }
    let span = info_span!("request", otel.name = "later");
    save_and_enqueue(&pool, &queue, "later", true)
        .instrument(span)
        .await;
    let span = info_span!("request", otel.name = "rolled back");
    save_and_enqueue(&pool, &queue, "ok", false)
        .instrument(span)
        .await;
    let (ready, ..) = queue_state(&pool).await;
    assert_eq!(
        ready, 7,
        "a task of a rolled-back transaction is not enqueued"
    );

    // This task looks as if the process had ended during each of its attempts.
    let span = info_span!("request", otel.name = "kills");
    save_and_enqueue(&pool, &queue, "kills", true)
        .instrument(span)
        .await;
    let orphan = "UPDATE Jobs SET attempts = max_attempts WHERE CAST(job AS TEXT) = '\"kills\"'";
    let orphan = sqlx::query(orphan).execute(&pool).await.unwrap();
    assert_eq!(orphan.rows_affected(), 1);

    // The database is reopened, as after a restart of the process.
    pool.close().await;
    let pool = open(&file).await;
    run_until_idle(&pool, &queue, "worker-1").await;

    telemetry.flush(LONG).unwrap();
    let spans = receiver.spans();
    let outcomes = |request| outcomes(&spans, request);
    assert_eq!(outcomes("ok"), [("ok", "")]);
    assert_eq!(outcomes("again"), [("retry", "_OTHER"), ("ok", "")]);
    assert_eq!(
        outcomes("later"),
        [("retry", "_OTHER"), ("retry", "_OTHER"), ("ok", "")]
    );
    let fails = [
        ("retry", "_OTHER"),
        ("retry", "_OTHER"),
        ("dead_lettered", "_OTHER"),
    ];
    assert_eq!(outcomes("fails"), fails);
    assert_eq!(outcomes("aborts"), [("dead_lettered", "aborted")]);
    assert_eq!(
        outcomes("panics"),
        [("retry", "panic"), ("retry", "panic"), ("ok", "")]
    );
    assert_eq!(
        outcomes("hangs"),
        [("retry", "timeout"), ("retry", "timeout"), ("ok", "")]
    );
    assert_eq!(outcomes("kills"), [("dead_lettered", "orphaned")]);
    assert_eq!(outcomes("rolled back"), []);

    // Five payloads are retried after their first attempt, and all of them but `again` also after their second.
    let mut retries = RETRIES.lock().unwrap().clone();
    retries.sort_unstable();
    let attempts: Vec<_> = retries.iter().map(|retry| retry.0).collect();
    assert_eq!(attempts, [1, 1, 1, 1, 1, 2, 2, 2, 2]);
    // In the order of the attempts, so the last postponement of each task remains.
    let mut last = BTreeMap::new();
    for (_, task, [before, after]) in retries {
        assert!(before < after, "{task} is not postponed");
        last.insert(task, after);
    }
    for (task, after) in last {
        let found = run_at(&pool, &task).await;
        assert_eq!(
            found, after,
            "a postponed task stays postponed after apalis records the failure"
        );
    }

    let (ready, scheduled, running, retry, stuck, dead_lettered, age) = queue_state(&pool).await;
    assert_eq!(
        (ready, scheduled, running, retry, stuck, dead_lettered, age),
        (0, 0, 0, 0, 0, 3, 0)
    );
    // `stats` accepts a real row.
    drop(stats(queue_state(&pool).await));
    let exposition = telemetry.metrics().render(Format::Text);
    // Seven tasks have run, and five of them have succeeded. Two more were enqueued: `kills`, and the one that was
    // rolled back.
    for line in [
        "worker_tasks_total{kind=\"note\",outcome=\"ok\",queue=\"notes\"} 5\n",
        "worker_task_wait_seconds_count{kind=\"note\",queue=\"notes\"} 7\n",
        "worker_task_accepted_to_done_seconds_count{kind=\"note\",queue=\"notes\"} 5\n",
        "worker_tasks_enqueued_total{kind=\"note\",queue=\"notes\"} 9\n",
    ] {
        assert!(exposition.contains(line), "{line} is not in:\n{exposition}");
    }

    // One task is moved into each of the other states except `stuck`. Three tasks stay
    // dead-lettered.
    for (change, payload) in [
        (
            "status = 'Pending', lock_by = NULL, run_at = unixepoch() - 100",
            "ok",
        ),
        (
            "status = 'Pending', lock_by = NULL, run_at = unixepoch() + 3600",
            "again",
        ),
        ("status = 'Running'", "panics"),
        (
            "status = 'Failed', attempts = 1, run_at = unixepoch() - 50",
            "hangs",
        ),
    ] {
        let change = format!("UPDATE Jobs SET {change} WHERE CAST(job AS TEXT) = '\"{payload}\"'");
        let change = sqlx::query(sqlx::AssertSqlSafe(change));
        assert_eq!(change.execute(&pool).await.unwrap().rows_affected(), 1);
    }
    let (ready, scheduled, running, retry, stuck, dead_lettered, age) = queue_state(&pool).await;
    assert_eq!(
        (ready, scheduled, running, retry, stuck, dead_lettered),
        (1, 1, 1, 1, 0, 3)
    );
    assert!((100..1_000).contains(&age), "{age}");

    telemetry.shutdown(LONG).unwrap();
    pool.close().await;
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
    }
}

/// Checks that a worker function can use further types of the prelude.
#[expect(dead_code, reason = "it is only compiled")]
async fn work_with_more(_: String, worker: WorkerContext) -> Result<(), BoxDynError> {
    worker.stop()?;
    Ok(())
}
