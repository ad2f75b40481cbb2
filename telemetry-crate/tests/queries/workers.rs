//! Tests of workers on apalis' tables in both databases.

pub(crate) mod database;
mod rows;
mod states;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use firstlight::jobs::{
    Queue,
    apalis::{BoxDynError, TaskQueue, Workers, WorkersError, dead_letters},
};
use serde::{Deserialize, Serialize};
use sqlx::Pool;
use tokio::{
    sync::{Notify, oneshot},
    task::JoinHandle,
    time::{sleep, timeout},
};

use self::{
    database::{TestDatabase, postgres, sqlite},
    rows::{
        dead_letters_have_all_causes, dead_letters_run_in_the_next_version,
        errors_with_a_nul_are_stored, invalid_numbers_end_no_worker,
    },
    states::{
        dead_letters_have_every_queue, finished_jobs_are_removed_by_age, state_is_found_by_key,
        stats_have_every_state, undeclared_queues_are_watched,
    },
};
use crate::{
    on_runtime,
    telemetry::{self, value},
};

/// Deadline of each wait.
///
/// Long, because the machine may be busy with other tests.
const DEADLINE: Duration = Duration::from_secs(60);

/// Defines each test for both databases.
macro_rules! both {
    ($($test:ident),+ $(,)?) => {
        pub(crate) const TESTS: &[(&str, fn())] = &[$((
            concat!("workers::sqlite::", stringify!($test)),
            || on_runtime(async { $test(sqlite(stringify!($test)).await).await }),
        )),+];
        pub(crate) const POSTGRES_TESTS: &[(&str, fn())] = &[$((
            concat!("workers::postgres::", stringify!($test)),
            || on_runtime(async { $test(postgres(stringify!($test)).await).await }),
        )),+];
    };
}

both![
    undecodable_jobs_are_dead_lettered,
    unreadable_rows_are_dead_lettered,
    unreadable_rows_delay_no_job,
    invalid_numbers_end_no_worker,
    errors_with_a_nul_are_stored,
    dead_letters_have_all_causes,
    dead_letters_run_in_the_next_version,
    drains_hold_no_lock,
    drained_attempts_are_not_counted,
    lost_tables_use_up_no_attempt,
    stats_have_every_state,
    undeclared_queues_are_watched,
    dead_letters_have_every_queue,
    state_is_found_by_key,
    finished_jobs_are_removed_by_age,
];

/// The job of most tests.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    number: usize,
}

/// Declares a queue whose jobs have one attempt.
///
/// A test therefore notices a lost attempt.
pub(crate) fn queue(name: &str) -> TaskQueue<Note> {
    let queue = Queue::declare(name).latency_budget(Duration::from_secs(60));
    TaskQueue::new("note", queue).max_attempts(1)
}

pub(crate) async fn enqueue<DB: TestDatabase>(
    pool: &Pool<DB>,
    queue: &TaskQueue<Note>,
    number: usize,
) {
    let mut connection = pool.acquire().await.unwrap();
    let key = number.to_string();
    let note = Note { number };
    let stored = queue.enqueue::<DB>(&mut connection, &note, &key);
    stored.await.unwrap();
}

/// Running workers, and the sender that stops them.
pub(crate) struct Running {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), WorkersError>>,
}

impl Running {
    pub(crate) fn start<DB: TestDatabase>(workers: Workers<DB>) -> Self {
        telemetry::start();
        let (stop, stopping) = oneshot::channel();
        let ended = tokio::spawn(workers.run(async {
            let _ = stopping.await;
        }));
        Self { stop, ended }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        let ended = timeout(DEADLINE, self.ended).await.unwrap();
        ended.unwrap().unwrap();
    }
}

/// Waits until this number of jobs satisfies a condition in SQL.
async fn wait_for_count<DB: TestDatabase>(pool: &Pool<DB>, condition: &str, expected: i64) {
    let count = async {
        while DB::count(pool, condition).await != expected {
            sleep(Duration::from_millis(20)).await;
        }
    };
    if timeout(DEADLINE, count).await.is_err() {
        let found = DB::count(pool, condition).await;
        panic!("expected {expected} jobs with {condition}, found {found}");
    }
}

/// Tests jobs that cannot be decoded, between valid jobs, while a job is running.
async fn undecodable_jobs_are_dead_lettered<DB: TestDatabase>(pool: Pool<DB>) {
    let bad: [&[u8]; 9] = [
        b"not json at all",
        b"",
        b"{\"renamed\":1}",
        b"{\"number\":\"seven\"}",
        b"{\"number\":-1}",
        b"\xff\xfe",
        b"{\"number\":1,\"added\":1}",
        b"null",
        b"[[[[[[[[",
    ];
    let name = format!("undecodable-{}", DB::NAME);
    let notes = queue(&name);
    enqueue(&pool, &notes, 0).await;
    enqueue(&pool, &notes, 1).await;
    for job in bad {
        DB::insert(&pool, &name, job).await;
    }
    // The tenth job that cannot be decoded is also large.
    DB::insert(&pool, &name, &vec![b'x'; 5_000_000]).await;
    for number in 2..6 {
        enqueue(&pool, &notes, number).await;
    }
    let (runs, go_on) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (counted, released) = (Arc::clone(&runs), Arc::clone(&go_on));
    let running = Running::start(Workers::new(pool.clone()).concurrency(2).add(
        &notes,
        move |note: Note| {
            let (runs, go_on) = (Arc::clone(&counted), Arc::clone(&released));
            async move {
                runs.fetch_add(1, Ordering::Relaxed);
                if note.number == 0 {
                    go_on.notified().await;
                }
                Ok::<_, BoxDynError>(())
            }
        },
    ));
    wait_for_count(&pool, "status = 'Killed'", 10).await;
    wait_for_count(&pool, "status = 'Done'", 5).await;
    go_on.notify_one();
    wait_for_count(&pool, "status = 'Done' AND attempts = 1", 6).await;
    running.stop().await;
    assert_eq!(runs.load(Ordering::Relaxed), 6);
    let letters = dead_letters(&pool).await.unwrap();
    assert_eq!(letters.len(), 10);
    for letter in letters {
        let error = letter.error.as_deref().unwrap();
        assert!(error.contains("cannot be decoded as"), "{error}");
        assert!(error.contains("Note"), "{error}");
        assert!(error.len() < 1_000, "{}", error.len());
    }
    let tasks = |outcome| {
        value(
            "worker_tasks_total",
            &[("queue", &*name), ("outcome", outcome)],
        )
    };
    assert_eq!(tasks("ok"), Some(6.0));
    assert_eq!(tasks("dead_lettered"), Some(10.0));
    assert_eq!(tasks("retry"), None);
}

/// Tests rows that apalis itself cannot read.
///
/// An apalis worker would end at such a row, and its successor would claim the row again.
async fn unreadable_rows_are_dead_lettered<DB: TestDatabase>(pool: Pool<DB>) {
    let name = format!("unreadable-{}", DB::NAME);
    let notes = queue(&name);
    for number in 0..4 {
        enqueue(&pool, &notes, number).await;
    }
    DB::execute(&pool, DB::MAKE_UNREADABLE).await;
    let running = Running::start(
        Workers::new(pool.clone()).add(&notes, |_| async { Ok::<_, BoxDynError>(()) }),
    );
    wait_for_count(&pool, "status = 'Killed'", 3).await;
    wait_for_count(&pool, "status = 'Done' AND attempts = 1", 1).await;
    // Another such row is added while a worker is running.
    DB::insert_as(&pool, &name, "'no ULID either'", b"{}").await;
    enqueue(&pool, &notes, 5).await;
    wait_for_count(&pool, "status = 'Killed'", 4).await;
    wait_for_count(&pool, "status = 'Done' AND attempts = 1", 2).await;
    running.stop().await;
    for letter in dead_letters(&pool).await.unwrap() {
        let error = letter.error.as_deref().unwrap();
        assert!(error.contains("the row cannot be read"), "{error}");
    }
    let dead = [("queue", &*name), ("error_type", "undecodable")];
    assert_eq!(value("worker_tasks_total", &dead), Some(4.0));
}

/// Tests a row that apalis cannot read while a job is running.
///
/// Other jobs of the queue run at once, and the running job is neither canceled nor repeated.
async fn unreadable_rows_delay_no_job<DB: TestDatabase>(pool: Pool<DB>) {
    let notes = queue("undelayed");
    enqueue(&pool, &notes, 0).await;
    let (started, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (starting, released) = (Arc::clone(&started), Arc::clone(&go_on));
    let workers = Workers::new(pool.clone()).timeout(DEADLINE).drain(DEADLINE);
    let running = Running::start(workers.concurrency(2).add(&notes, move |note: Note| {
        let (starting, go_on) = (Arc::clone(&starting), Arc::clone(&released));
        async move {
            if note.number == 0 {
                starting.notify_one();
                go_on.notified().await;
            }
            Ok::<_, BoxDynError>(())
        }
    }));
    timeout(DEADLINE, started.notified()).await.unwrap();
    DB::insert_as(&pool, "undelayed", "'no ULID'", b"{}").await;
    wait_for_count(&pool, "status = 'Killed'", 1).await;
    enqueue(&pool, &notes, 1).await;
    wait_for_count(&pool, "status = 'Done' AND attempts = 1", 1).await;
    let still_runs = "idempotency_key = '0' AND status IN ('Queued', 'Running')";
    assert_eq!(DB::count(&pool, still_runs).await, 1);
    go_on.notify_one();
    wait_for_count(&pool, "status = 'Done' AND attempts = 1", 2).await;
    running.stop().await;
}

async fn drained_attempts_are_not_counted<DB: TestDatabase>(pool: Pool<DB>) {
    let notes = queue("drained");
    enqueue(&pool, &notes, 0).await;
    let started = Arc::new(Notify::new());
    let starting = Arc::clone(&started);
    let workers = Workers::new(pool.clone()).drain(Duration::from_millis(300));
    let running = Running::start(workers.add(&notes, move |_| {
        starting.notify_one();
        std::future::pending::<Result<(), BoxDynError>>()
    }));
    timeout(DEADLINE, started.notified()).await.unwrap();
    running.stop().await;
    let given_back = "status = 'Pending' AND attempts = 0 AND lock_by IS NULL";
    assert_eq!(DB::count(&pool, given_back).await, 1);
    // Workers that start later run the job, as in the next process.
    let running = Running::start(
        Workers::new(pool.clone()).add(&notes, |_| async { Ok::<_, BoxDynError>(()) }),
    );
    wait_for_count(&pool, "status = 'Done' AND attempts = 1", 1).await;
    running.stop().await;
}

/// Tests jobs that write while the worker is stopped.
///
/// If the worker held a lock, the jobs would time out in their only attempt.
async fn drains_hold_no_lock<DB: TestDatabase>(pool: Pool<DB>) {
    DB::execute(&pool, "CREATE TABLE written (number integer)").await;
    let notes = queue("written");
    for round in 0..8 {
        for number in 0..40 {
            enqueue(&pool, &notes, 100 * round + number).await;
        }
        let started = Arc::new(Notify::new());
        let (starting, store) = (Arc::clone(&started), pool.clone());
        let workers = Workers::new(pool.clone()).concurrency(6);
        let running = Running::start(workers.add(&notes, move |_| {
            starting.notify_one();
            let store = store.clone();
            async move {
                for _ in 0..4 {
                    sleep(Duration::from_millis(5)).await;
                    DB::execute(&store, "INSERT INTO written (number) VALUES (1)").await;
                }
                Ok::<_, BoxDynError>(())
            }
        }));
        timeout(DEADLINE, started.notified()).await.unwrap();
        sleep(Duration::from_millis(60)).await;
        running.stop().await;
    }
    assert_eq!(dead_letters(&pool).await.unwrap(), []);
    assert_eq!(
        DB::count(&pool, "status NOT IN ('Done', 'Pending')").await,
        0
    );
}

/// Tests a table that is missing for a while, which ends workers.
///
/// Running jobs are not canceled, and no job is dead-lettered.
async fn lost_tables_use_up_no_attempt<DB: TestDatabase>(pool: Pool<DB>) {
    let notes = queue("lost");
    for number in 0..3 {
        enqueue(&pool, &notes, number).await;
    }
    let (started, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (starting, going_on) = (Arc::clone(&started), Arc::clone(&go_on));
    let unfinished = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&unfinished);
    let running = Running::start(Workers::new(pool.clone()).add(&notes, move |_| {
        let go_on = Arc::clone(&going_on);
        let unfinished = Arc::clone(&counter);
        starting.notify_one();
        async move {
            unfinished.fetch_add(1, Ordering::Relaxed);
            let _ = timeout(Duration::from_secs(3), go_on.notified()).await;
            unfinished.fetch_sub(1, Ordering::Relaxed);
            Ok::<_, BoxDynError>(())
        }
    }));
    timeout(DEADLINE, started.notified()).await.unwrap();
    DB::execute(&pool, DB::HIDE).await;
    // The worker polls every quarter of a second.
    sleep(Duration::from_secs(2)).await;
    go_on.notify_waiters();
    DB::execute(&pool, DB::SHOW).await;
    wait_for_count(&pool, "status = 'Done' AND attempts = 1", 3).await;
    // Each worker registers itself, so the first one has ended and another one has begun.
    let restarted = async {
        while DB::workers(&pool, "lost").await < 2 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(DEADLINE, restarted).await.expect("no worker ended");
    running.stop().await;
    assert_eq!(unfinished.load(Ordering::Relaxed), 0);
    assert_eq!(dead_letters(&pool).await.unwrap(), []);
}
