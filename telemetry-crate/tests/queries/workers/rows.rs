//! Tests of rows and errors with unusual values, which must not end a worker.

use std::{error::Error, fmt, io, time::Duration};

use firstlight::jobs::{
    Queue,
    apalis::{AbortError, BoxDynError, TaskQueue, Workers, dead_letters, retry_dead_letters},
};
use serde::Deserialize;
use sqlx::Pool;

use super::{Note, Running, TestDatabase, enqueue, queue, wait_for_count};
use crate::telemetry::value;

/// Tests numbers that apalis itself never writes.
pub(super) async fn invalid_numbers_end_no_worker<DB: TestDatabase>(pool: Pool<DB>) {
    let name = format!("odd-{}", DB::NAME);
    let notes = queue(&name);
    // The first changes leave a job that runs once, and the others a job that never runs.
    let (once, never) = (
        [
            "priority = -5",
            "priority = 2147483647",
            "max_attempts = 0",
            "max_attempts = -1",
            "max_attempts = 2147483647",
            "attempts = 2147483646, max_attempts = 2147483647",
            "attempts = 0",
        ],
        [
            "attempts = 2147483647, max_attempts = 2147483647",
            "attempts = -1",
            "attempts = -2147483648, max_attempts = 25",
            "attempts = 7",
        ],
    );
    for (number, change) in never.into_iter().chain(once).enumerate() {
        enqueue(&pool, &notes, number).await;
        DB::change(&pool, number, change).await;
    }
    let running = Running::start(
        Workers::new(pool.clone()).add(&notes, |_| async { Ok::<_, BoxDynError>(()) }),
    );
    wait_for_count(&pool, "status = 'Done'", 7).await;
    wait_for_count(&pool, "status = 'Killed'", 4).await;
    // These jobs are added while a worker is running.
    enqueue(&pool, &notes, 11).await;
    DB::change(&pool, 11, "attempts = -7").await;
    enqueue(&pool, &notes, 12).await;
    wait_for_count(&pool, "status = 'Done'", 8).await;
    wait_for_count(&pool, "status = 'Killed'", 5).await;
    running.stop().await;
    let letters = dead_letters(&pool).await.unwrap();
    let count_with = |text| {
        let errors = letters.iter().filter_map(|letter| letter.error.as_deref());
        errors.filter(|error| error.contains(text)).count()
    };
    // A worker may claim the last negative row before the row is checked. apalis reads its attempts
    // as a large unsigned number, so they count as used up.
    let (unreadable, used_up) = (
        count_with("its attempts are negative"),
        count_with("its process died in the last attempt"),
    );
    assert!(unreadable >= 2 && unreadable + used_up == 5, "{letters:?}");
}

/// An error whose text does not have the cause, as those of HTTP clients.
#[derive(Debug)]
struct SendError(io::Error);

impl fmt::Display for SendError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("error sending request")
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// Tests the stored error: all causes, without apalis' wrappers, and bounded.
pub(super) async fn dead_letters_have_all_causes<DB: TestDatabase>(pool: Pool<DB>) {
    let name = format!("causes-{}", DB::NAME);
    let notes = queue(&name);
    for number in 0..4 {
        enqueue(&pool, &notes, number).await;
    }
    let workers = Workers::new(pool.clone()).add(&notes, |note: Note| async move {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        Err::<(), BoxDynError>(match note.number {
            0 => SendError(refused).into(),
            1 => AbortError::new("the bank declines").into(),
            2 => AbortError::new(SendError(refused)).into(),
            _ => "x".repeat(100_000).into(),
        })
    });
    let running = Running::start(workers);
    let dead = "status = 'Killed' OR (status = 'Failed' AND attempts = 1)";
    wait_for_count(&pool, dead, 4).await;
    running.stop().await;
    let letters = dead_letters(&pool).await.unwrap().into_iter();
    let mut errors: Vec<_> = letters.map(|letter| letter.error.unwrap()).collect();
    errors.sort();
    let long = errors.pop().unwrap();
    assert!(
        long.len() <= 4 * 1024 && long.ends_with("[truncated]"),
        "{long}"
    );
    let sent = "error sending request: connection refused";
    assert_eq!(errors, [sent, sent, "the bank declines"]);
    let tasks = |error_type| {
        let labels = [("queue", &*name), ("error_type", error_type)];
        value("worker_tasks_total", &labels)
    };
    let counts = ["connection_refused", "aborted", "_OTHER"].map(tasks);
    assert_eq!(counts, [Some(2.0), Some(1.0), Some(1.0)]);
}

/// Tests errors that quote a NUL character, which PostgreSQL cannot store.
pub(super) async fn errors_with_a_nul_are_stored<DB: TestDatabase>(pool: Pool<DB>) {
    let name = format!("nul-{}", DB::NAME);
    let notes = queue(&name);
    DB::insert(&pool, &name, b"{\"a\\u0000b\":1}").await;
    for number in 0..3 {
        enqueue(&pool, &notes, number).await;
    }
    let workers = Workers::new(pool.clone()).add(&notes, |note: Note| async move {
        match note.number {
            0 => Err("no such name: a\0b".into()),
            1 => Err(AbortError::new("no such name: a\0b").into()),
            _ => Ok::<_, BoxDynError>(()),
        }
    });
    let running = Running::start(workers);
    wait_for_count(&pool, "status = 'Done' AND attempts = 1", 1).await;
    let dead = "status = 'Killed' OR (status = 'Failed' AND attempts = 1)";
    wait_for_count(&pool, dead, 3).await;
    running.stop().await;
    for letter in dead_letters(&pool).await.unwrap() {
        let error = letter.error.unwrap();
        assert!(error.contains("a\u{fffd}b"), "{error}");
    }
    let tasks = |outcome| {
        let labels = [("queue", &*name), ("outcome", outcome)];
        value("worker_tasks_total", &labels)
    };
    assert_eq!(
        (tasks("ok"), tasks("dead_lettered")),
        (Some(1.0), Some(3.0))
    );
}

/// The job in the next version of the program.
#[derive(Debug, Deserialize)]
struct Renamed {
    amount: usize,
}

/// Tests a rollout in which the old program finds a job of the new program.
pub(super) async fn dead_letters_run_in_the_next_version<DB: TestDatabase>(pool: Pool<DB>) {
    let (name, notes) = ("rollout", queue("rollout"));
    DB::insert(&pool, name, b"{\"amount\":7}").await;
    let old = Workers::new(pool.clone()).add(&notes, |_| async { Ok::<_, BoxDynError>(()) });
    let running = Running::start(old);
    wait_for_count(&pool, "status = 'Killed'", 1).await;
    running.stop().await;
    assert_eq!(retry_dead_letters(&pool, &[]).await.unwrap(), 1);
    let renamed = TaskQueue::new(
        "note",
        Queue::declare(name).latency_budget(Duration::from_secs(60)),
    );
    let new = Workers::new(pool.clone()).add(&renamed, |job: Renamed| async move {
        match job.amount {
            7 => Ok(()),
            other => Err::<(), BoxDynError>(format!("found {other}, expected 7").into()),
        }
    });
    let running = Running::start(new);
    wait_for_count(&pool, "status = 'Done' AND attempts = 1", 1).await;
    running.stop().await;
    assert_eq!(dead_letters(&pool).await.unwrap(), []);
}
