//! The workers on apalis' tables, the same promises in both databases.

mod place;
mod rows;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use firstlight::jobs::{
    Queue,
    apalis::{
        AbortError, BoxDynError, JobState, RetryError, TaskQueue, Workers, dead_letters,
        remove_finished, retry_dead_letters,
    },
};
use serde::{Deserialize, Serialize};
use sqlx::Pool;
use tokio::{
    sync::{Notify, oneshot},
    task::JoinHandle,
    time::{sleep, timeout},
};

use self::{
    place::{Place, postgres, sqlite},
    rows::{
        errors_with_a_nul_are_stored, odd_numbers_end_no_worker,
        the_next_version_reads_dead_letters,
    },
};
use crate::{
    on_runtime,
    telemetry::{self, value},
};

/// Generous: the machine may have much else to do.
const DEADLINE: Duration = Duration::from_secs(60);

/// A test in both databases.
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
    undecodable_jobs_are_dead_letters,
    unreadable_rows_are_dead_letters,
    odd_numbers_end_no_worker,
    errors_with_a_nul_are_stored,
    the_next_version_reads_dead_letters,
    a_drain_holds_no_lock,
    a_drained_attempt_is_not_counted,
    a_lost_table_uses_up_no_attempt,
    every_state_is_in_the_stats,
    an_undeclared_queue_is_watched,
    dead_letters_know_every_queue,
    state_is_found_by_key,
    finished_jobs_go_by_their_age,
];

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    number: usize,
}

/// With one attempt: another would not go unnoticed.
fn queue(name: &str) -> TaskQueue<Note> {
    let queue = Queue::declare(name).latency_budget(Duration::from_secs(60));
    TaskQueue::new("note", queue).max_attempts(1)
}

async fn enqueue<DB: Place>(pool: &Pool<DB>, queue: &TaskQueue<Note>, number: usize) {
    let mut connection = pool.acquire().await.unwrap();
    let key = number.to_string();
    let note = Note { number };
    let stored = queue.enqueue::<DB>(&mut connection, &note, &key);
    stored.await.unwrap();
}

struct Running {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Running {
    fn start<DB: Place>(workers: Workers<DB>) -> Self {
        telemetry::start();
        let (stop, stopping) = oneshot::channel();
        let ended = tokio::spawn(workers.run(async {
            let _ = stopping.await;
        }));
        Self { stop, ended }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        timeout(DEADLINE, self.ended).await.unwrap().unwrap();
    }
}

async fn becomes<DB: Place>(pool: &Pool<DB>, condition: &str, expected: i64) {
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

/// A good job, rows that are no job, good jobs; and one that runs all the while.
async fn undecodable_jobs_are_dead_letters<DB: Place>(pool: Pool<DB>) {
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
    becomes(&pool, "status = 'Killed'", 10).await;
    becomes(&pool, "status = 'Done'", 5).await;
    go_on.notify_one();
    becomes(&pool, "status = 'Done' AND attempts = 1", 6).await;
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
    assert_eq!(tasks("dead"), Some(10.0));
    assert_eq!(tasks("retry"), None);
}

/// Rows that apalis itself cannot read: it ends, and would claim them again for ever.
async fn unreadable_rows_are_dead_letters<DB: Place>(pool: Pool<DB>) {
    let name = format!("unreadable-{}", DB::NAME);
    let notes = queue(&name);
    for number in 0..4 {
        enqueue(&pool, &notes, number).await;
    }
    DB::execute(&pool, DB::SPOIL).await;
    let running = Running::start(
        Workers::new(pool.clone()).add(&notes, |_| async { Ok::<_, BoxDynError>(()) }),
    );
    becomes(&pool, "status = 'Killed'", 3).await;
    becomes(&pool, "status = 'Done' AND attempts = 1", 1).await;
    // One more, in the way of a worker that works already.
    DB::insert_as(&pool, &name, "'no ULID either'", b"{}").await;
    enqueue(&pool, &notes, 5).await;
    becomes(&pool, "status = 'Killed'", 4).await;
    becomes(&pool, "status = 'Done' AND attempts = 1", 2).await;
    running.stop().await;
    for letter in dead_letters(&pool).await.unwrap() {
        let error = letter.error.as_deref().unwrap();
        assert!(error.contains("the row cannot be read"), "{error}");
    }
    let dead = [("queue", &*name), ("error_type", "undecodable")];
    assert_eq!(value("worker_tasks_total", &dead), Some(4.0));
}

async fn a_drained_attempt_is_not_counted<DB: Place>(pool: Pool<DB>) {
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
    // And the next process runs it.
    let running = Running::start(
        Workers::new(pool.clone()).add(&notes, |_| async { Ok::<_, BoxDynError>(()) }),
    );
    becomes(&pool, "status = 'Done' AND attempts = 1", 1).await;
    running.stop().await;
}

/// Jobs that write while the worker is told to stop. With a lock of the worker's own in the way they would run out of time, and
/// have one attempt.
async fn a_drain_holds_no_lock<DB: Place>(pool: Pool<DB>) {
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

/// Each worker ends for as long as the table is away; what runs meanwhile goes on, and nothing is a dead letter.
async fn a_lost_table_uses_up_no_attempt<DB: Place>(pool: Pool<DB>) {
    let notes = queue("lost");
    for number in 0..3 {
        enqueue(&pool, &notes, number).await;
    }
    let (started, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (starting, going_on) = (Arc::clone(&started), Arc::clone(&go_on));
    let cancelled = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&cancelled);
    let running = Running::start(Workers::new(pool.clone()).add(&notes, move |_| {
        let go_on = Arc::clone(&going_on);
        let cancelled = Arc::clone(&counted);
        starting.notify_one();
        async move {
            cancelled.fetch_add(1, Ordering::Relaxed);
            let _ = timeout(Duration::from_secs(3), go_on.notified()).await;
            cancelled.fetch_sub(1, Ordering::Relaxed);
            Ok::<_, BoxDynError>(())
        }
    }));
    timeout(DEADLINE, started.notified()).await.unwrap();
    DB::execute(&pool, DB::HIDE).await;
    sleep(Duration::from_secs(1)).await;
    go_on.notify_waiters();
    DB::execute(&pool, DB::SHOW).await;
    becomes(&pool, "status = 'Done' AND attempts = 1", 3).await;
    running.stop().await;
    assert_eq!(cancelled.load(Ordering::Relaxed), 0);
    assert_eq!(dead_letters(&pool).await.unwrap(), []);
}

async fn every_state_is_in_the_stats<DB: Place>(pool: Pool<DB>) {
    let notes = queue("states");
    for number in 0..11 {
        enqueue(&pool, &notes, number).await;
    }
    for change in DB::STATES {
        DB::execute(&pool, change).await;
    }
    let (_, stats) = DB::state(&pool, "states").await;
    assert_eq!(
        stats,
        [1, 1, 1, 1, 5, 1],
        "ready, scheduled, running, retry, stuck, dead"
    );
    let (age, _) = DB::state(&pool, "states").await;
    assert!((3_600..7_200).contains(&age), "{age}");
}

async fn an_undeclared_queue_is_watched<DB: Place>(pool: Pool<DB>) {
    let name = format!("renamed-{}", DB::NAME);
    DB::insert(&pool, &name, b"{}").await;
    DB::execute(&pool, DB::NAME_BADLY).await;
    let notes = queue("known");
    let running = Running::start(
        Workers::new(pool.clone()).add(&notes, |_| async { Ok::<_, BoxDynError>(()) }),
    );
    let ready = [("queue", &*name), ("status", "ready")];
    let seen = async {
        while value("worker_queue_depth", &ready) != Some(1.0) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(DEADLINE, seen).await.unwrap();
    let budget = |name| value("worker_queue_latency_budget_seconds", &[("queue", name)]);
    assert_eq!(budget("known"), Some(60.0));
    assert_eq!(budget(&name), None);
    running.stop().await;
}

async fn state_is_found_by_key<DB: Place>(pool: Pool<DB>) {
    let notes = queue("states").max_attempts(2);
    for number in 0..5 {
        enqueue(&pool, &notes, number).await;
    }
    DB::change(&pool, 1, "status = 'Queued'").await;
    DB::change(&pool, 2, "status = 'Failed', attempts = 1").await;
    DB::change(&pool, 3, "status = 'Done', attempts = 1").await;
    DB::change(&pool, 4, "status = 'Failed', attempts = 2").await;
    for (key, expected) in [
        ("0", Some("pending")),
        ("1", Some("running")),
        ("2", Some("retrying")),
        ("3", Some("done")),
        ("4", Some("dead-lettered")),
        ("5", None),
    ] {
        let state = notes.state(&pool, key).await.unwrap();
        assert_eq!(state.map(JobState::as_str), expected, "{key}");
    }
    let other = queue("stateless");
    assert_eq!(other.state(&pool, "0").await.unwrap(), None);
}

async fn finished_jobs_go_by_their_age<DB: Place>(pool: Pool<DB>) {
    let notes = queue("ages");
    let [old, new] = DB::DONE;
    for (number, status, done) in [(0, "Killed", old), (1, "Done", old), (2, "Done", new)] {
        enqueue(&pool, &notes, number).await;
        DB::change(&pool, number, &format!("status = '{status}', {done}")).await;
    }
    enqueue(&pool, &notes, 3).await;
    let week = Duration::from_secs(7 * 24 * 60 * 60);
    assert_eq!(remove_finished(&pool, week).await.unwrap(), 1);
    for (key, is_kept) in [("0", true), ("1", false), ("2", true), ("3", true)] {
        let state = notes.state(&pool, key).await.unwrap();
        assert_eq!(state.is_some(), is_kept, "{key}");
    }
}

async fn dead_letters_know_every_queue<DB: Place>(pool: Pool<DB>) {
    let (first, second) = (queue("first"), queue("second"));
    enqueue(&pool, &first, 1).await;
    enqueue(&pool, &second, 2).await;
    DB::insert(&pool, "gone", b"no\nline").await;
    DB::execute(&pool, DB::KILL_GONE).await;
    let fail = |note: Note| async move {
        Err::<(), BoxDynError>(AbortError::new(format!("note {}", note.number)).into())
    };
    let workers = Workers::new(pool.clone())
        .add(&first, fail)
        .add(&second, fail);
    let running = Running::start(workers);
    becomes(&pool, "status = 'Killed'", 3).await;
    running.stop().await;
    let letters = dead_letters(&pool).await.unwrap();
    let queues: Vec<&str> = letters.iter().map(|letter| &*letter.queue).collect();
    assert_eq!(queues, ["first", "gone", "second"]);
    assert!(letters[0].error.as_deref().unwrap().contains("note 1"));
    assert_eq!(letters[1].to_string().lines().count(), 1);
    let one = letters[2].id.clone();
    let asked = [one.clone(), one, "nope".to_owned()];
    let error = retry_dead_letters(&pool, &asked).await.unwrap_err();
    let text = error.to_string();
    let found = matches!(error, RetryError::Unknown { ids, retried: 1 } if ids == ["nope"]);
    assert!(found, "{text}");
    assert_eq!(retry_dead_letters(&pool, &[]).await.unwrap(), 2);
    becomes(&pool, "status = 'Pending' AND attempts = 0", 3).await;
    let done = |_: Note| async { Ok::<_, BoxDynError>(()) };
    let workers = Workers::new(pool.clone())
        .add(&first, done)
        .add(&second, done);
    let running = Running::start(workers);
    becomes(&pool, "status = 'Done' AND attempts = 1", 2).await;
    running.stop().await;
    assert_eq!(
        remove_finished(&pool, Duration::from_secs(3_600))
            .await
            .unwrap(),
        0
    );
}
