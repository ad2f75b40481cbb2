//! Tests of the states of jobs: statistics, dead letters, and removal.

use std::time::Duration;

use firstlight::jobs::apalis::{
    AbortError, BoxDynError, JobState, RetryError, Workers, dead_letters, remove_finished,
    retry_dead_letters,
};
use sqlx::Pool;
use tokio::time::{sleep, timeout};

use super::{DEADLINE, Note, Running, TestDatabase, enqueue, queue, wait_for_count};
use crate::telemetry::value;

pub(super) async fn stats_have_every_state<DB: TestDatabase>(pool: Pool<DB>) {
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
        "ready, scheduled, running, retry, stuck, dead_lettered"
    );
    let (age, _) = DB::state(&pool, "states").await;
    assert!((3_600..7_200).contains(&age), "{age}");
}

pub(super) async fn undeclared_queues_are_watched<DB: TestDatabase>(pool: Pool<DB>) {
    let name = format!("renamed-{}", DB::NAME);
    DB::insert(&pool, &name, b"{}").await;
    DB::execute(&pool, DB::ADD_INVALID_NAME).await;
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

pub(super) async fn state_is_found_by_key<DB: TestDatabase>(pool: Pool<DB>) {
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
        ("4", Some("dead_lettered")),
        ("5", None),
    ] {
        let state = notes.state(&pool, key).await.unwrap();
        assert_eq!(state.map(JobState::as_str), expected, "{key}");
    }
    let expected = [Some("retrying"), None, Some("pending"), Some("retrying")];
    let states = notes.states(&pool, &["2", "5", "0", "2"]).await.unwrap();
    let states: Vec<_> = (states.into_iter())
        .map(|state| state.map(JobState::as_str))
        .collect();
    assert_eq!(states, expected);
    assert_eq!(notes.states(&pool, &[""; 0]).await.unwrap(), []);
    let other = queue("stateless");
    assert_eq!(other.states(&pool, &["0"]).await.unwrap(), [None]);
    assert_eq!(other.state(&pool, "0").await.unwrap(), None);
}

pub(super) async fn finished_jobs_are_removed_by_age<DB: TestDatabase>(pool: Pool<DB>) {
    let notes = queue("ages");
    let [old, new] = DB::DONE;
    for (number, status, done) in [(0, "Killed", old), (1, "Done", old), (2, "Done", new)] {
        enqueue(&pool, &notes, number).await;
        DB::change(&pool, number, &format!("status = '{status}', {done}")).await;
    }
    enqueue(&pool, &notes, 3).await;
    let week = Duration::from_secs(7 * 24 * 60 * 60);
    remove_finished(pool.clone(), week).await.unwrap();
    for (key, is_kept) in [("0", true), ("1", false), ("2", true), ("3", true)] {
        let state = notes.state(&pool, key).await.unwrap();
        assert_eq!(state.is_some(), is_kept, "{key}");
    }
}

pub(super) async fn dead_letters_have_every_queue<DB: TestDatabase>(pool: Pool<DB>) {
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
    wait_for_count(&pool, "status = 'Killed'", 3).await;
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
    assert_eq!(
        text,
        "no dead letter has the id \"nope\": expected an id from the second column of the list of dead letters \
         (in a service from the template, the command `dead-letters`); a job that was retried has left the list; \
         1 other dead letter is tried again"
    );
    let found = matches!(error, RetryError::Unknown { ids, retried: 1 } if ids == ["nope"]);
    assert!(found, "{text}");
    assert_eq!(retry_dead_letters(&pool, &[]).await.unwrap(), 2);
    wait_for_count(&pool, "status = 'Pending' AND attempts = 0", 3).await;
    let done = |_: Note| async { Ok::<_, BoxDynError>(()) };
    let workers = Workers::new(pool.clone())
        .add(&first, done)
        .add(&second, done);
    let running = Running::start(workers);
    wait_for_count(&pool, "status = 'Done' AND attempts = 1", 2).await;
    running.stop().await;
    // No job has ended more than an hour ago.
    let hour = Duration::from_secs(3_600);
    remove_finished(pool.clone(), hour).await.unwrap();
    wait_for_count(&pool, "status = 'Done' AND attempts = 1", 2).await;
}
