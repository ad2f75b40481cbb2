//! Tests of the start of workers, and of its warnings.

#![expect(clippy::unwrap_used, reason = "tests")]

use apalis_core::error::BoxDynError;
use sqlx::{SqlitePool, sqlite::SqlitePoolOptions};

use super::*;

#[derive(serde::Serialize, serde::Deserialize)]
struct Note {}

fn queue(name: &str) -> TaskQueue<Note> {
    let queue = Queue::declare(name).latency_budget(Duration::from_secs(60));
    TaskQueue::new("note", queue)
}

/// Held by tests that run workers, because their queues are global.
static RUNNING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

async fn done(_: Note) -> Result<(), BoxDynError> {
    Ok(())
}

#[tokio::test]
async fn warning_names_the_variable_of_a_pool() {
    let _alone = RUNNING.lock().await;
    let capture = crate::testing::capture();
    let file = std::env::temp_dir().join(format!("pool-size-{}.db", std::process::id()));
    let options = crate::sqlx::DatabaseOptions::<sqlx::Sqlite>::from_env("SHOP", "shop");
    let options = options.unwrap().url(format!("sqlite://{}", file.display()));
    let pool = options.unwrap().open(&[]).await.unwrap();
    let workers = Workers::new(pool.clone()).concurrency(10);
    let workers = workers.add(&queue("of-a-service"), done);
    workers.run(std::future::ready(())).await.unwrap();
    pool.close().await;
    for suffix in ["", "-lock"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
    }
    let logs = capture.logs();
    let named = "raise SHOP_MAX_CONNECTIONS or lower Workers::concurrency";
    assert!(
        logs.iter().any(|line| line.message.ends_with(named)),
        "{logs:?}"
    );
}

#[tokio::test]
async fn queues_with_two_workers_are_refused() {
    let pool = SqlitePoolOptions::new().connect_lazy("sqlite::memory:");
    let workers = Workers::new(pool.unwrap())
        .add(&queue("charges"), done)
        .add(&queue("mails"), done)
        .add(&queue("charges"), done);
    // Without the error, `run` would never return.
    let error = workers.run(std::future::pending()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "queue \"charges\" was added twice; give each kind of job a queue of its own"
    );
}

/// Opens a database in memory with the queue's tables.
async fn migrated_pool() -> SqlitePool {
    let pool = SqlitePoolOptions::new().max_connections(1);
    let pool = pool.connect("sqlite::memory:").await.unwrap();
    let migrations = super::super::migrations::<sqlx::Sqlite>();
    migrations.run(&pool).await.unwrap();
    pool
}

#[tokio::test]
async fn queues_without_worker_are_warned_of() {
    let _alone = RUNNING.lock().await;
    let capture = crate::testing::capture();
    let pool = migrated_pool().await;
    let (with, without) = (queue("with-worker"), queue("without-worker"));
    let enqueue = async |key| {
        for queue in [&with, &without] {
            let mut connection = pool.acquire().await.unwrap();
            let stored = queue.enqueue::<sqlx::Sqlite>(&mut connection, &Note {}, key);
            stored.await.unwrap();
        }
    };
    let warnings = || {
        let lines = capture.logs().into_iter().map(|line| line.message);
        lines
            .filter(|line| line.contains("no worker of this process"))
            .collect::<Vec<_>>()
    };
    // No workers run in this process yet, so other processes may have all workers.
    enqueue("1").await;
    assert_eq!((warnings(), crate::jobs::cautions()), (vec![], vec![]));
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let workers = Workers::new(pool.clone()).add(&with, done);
    let workers = workers.run(async { stopped.await.unwrap() });
    let enqueueing = async {
        enqueue("2").await;
        enqueue("3").await;
        let expected = "queue \"without-worker\": jobs are enqueued here, but no worker of this process runs them; add it to Workers, unless another process runs them";
        assert_eq!(warnings(), [expected]);
        assert_eq!(crate::jobs::cautions(), [expected]);
        stop.send(()).unwrap();
    };
    let (ended, ()) = tokio::join!(workers, enqueueing);
    ended.unwrap();
}

#[tokio::test]
async fn sum_of_concurrency_is_warned_of() {
    let _alone = RUNNING.lock().await;
    let capture = crate::testing::capture();
    for (concurrency, warnings) in [(2, 0), (3, 1)] {
        let pool = SqlitePoolOptions::new().max_connections(5);
        let pool = pool.connect_lazy("sqlite::memory:").unwrap();
        let mut workers = Workers::new(pool).concurrency(concurrency);
        for name in ["mails", "invoices"] {
            workers = workers.add(&queue(name), done);
        }
        workers.run(std::future::ready(())).await.unwrap();
        let logs = capture.logs();
        let logged = logs
            .iter()
            .filter(|line| line.message.starts_with("the queues' concurrency"));
        assert_eq!(
            logged.count(),
            warnings,
            "two queues of concurrency {concurrency}, and 5 connections"
        );
    }
}

/// While the jobs' table is missing, an ended worker cannot release its jobs.
#[tokio::test]
async fn failed_releases_are_logged_rarely() {
    let _alone = RUNNING.lock().await;
    let capture = crate::testing::capture();
    let pool = migrated_pool().await;
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let workers = Workers::new(pool.clone()).add(&queue("imports"), done);
    let workers = workers.run(async { stopped.await.unwrap() });
    let lines = |part| {
        let lines = capture.logs().into_iter().map(|line| line.message);
        lines.filter(|line| line.contains(part)).collect::<Vec<_>>()
    };
    let logged = async |part| {
        let search = async {
            while lines(part).is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), search)
            .await
            .unwrap();
    };
    let outage = async {
        let hide = sqlx::raw_sql("ALTER TABLE Jobs RENAME TO hidden");
        hide.execute(&pool).await.unwrap();
        logged("cannot be released, 4 tries so far").await;
        let show = sqlx::raw_sql("ALTER TABLE hidden RENAME TO Jobs");
        show.execute(&pool).await.unwrap();
        logged("jobs of the queue imports are released, after ").await;
        stop.send(()).unwrap();
    };
    let (ended, ()) = tokio::join!(workers, outage);
    ended.unwrap();
    let failures = lines("cannot be released, ");
    let expected = ["1 try", "2 tries", "4 tries"].map(|tries| {
        format!(
            "jobs of the queue imports cannot be released, {tries} so far; it is tried every second"
        )
    });
    assert_eq!(failures[..3], expected);
}

/// The line of the attempt names the pause before the pause is stored.
#[tokio::test]
async fn pauses_that_are_not_stored_are_corrected() {
    let _alone = RUNNING.lock().await;
    let capture = crate::testing::capture();
    let pool = migrated_pool().await;
    let trigger = "CREATE TRIGGER full BEFORE UPDATE OF run_at ON Jobs BEGIN SELECT RAISE(ABORT, 'full'); END";
    sqlx::raw_sql(trigger).execute(&pool).await.unwrap();
    let queue = queue("failing");
    let mut connection = pool.acquire().await.unwrap();
    let stored = queue.enqueue::<sqlx::Sqlite>(&mut connection, &Note {}, "1");
    stored.await.unwrap();
    drop(connection);
    let fail = |_: Note| async { Err::<(), BoxDynError>("busy".into()) };
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let workers = Workers::new(pool.clone()).add(&queue, fail);
    let workers = workers.run(async { stopped.await.unwrap() });
    let line = |part: &str| {
        let mut lines = capture.logs().into_iter().map(|line| line.message);
        lines.find(|line| line.contains(part))
    };
    let failing = async {
        let search = async {
            while line("at once").is_none() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let searched = tokio::time::timeout(Duration::from_secs(60), search).await;
        searched.unwrap();
        stop.send(()).unwrap();
    };
    let (ended, ()) = tokio::join!(workers, failing);
    ended.unwrap();
    let promised = line("next attempt in ").unwrap();
    let (_, pause) = promised.split_once("next attempt in ").unwrap();
    let (pause, _) = pause.split_once(" s").unwrap();
    assert_eq!(
        line("at once").unwrap(),
        format!(
            "the next attempt may come at once, and not in {pause} s, because its time cannot be stored"
        )
    );
}
