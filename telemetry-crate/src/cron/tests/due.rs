//! Tests of the time at which a success is due, for the alert on missed runs.

use super::*;
use crate::cron::Cron;

const DUE: &str = "cron_success_due_timestamp_seconds{cron=\"job\"}";
const NEXT: &str = "cron_next_run_timestamp_seconds{cron=\"job\"}";
const SUCCESS: &str = "cron_last_success_timestamp_seconds{cron=\"job\"}";

/// Runs a scheduler with this job from `start` for `long`; returns the exposition.
fn exposition_after(
    cron: Cron,
    store: &LocalStore,
    start: &str,
    long: Duration,
    fails: bool,
) -> String {
    let (result, exposition) = with_paused_time(async || {
        let scheduler =
            Scheduler::new(store.clone())
                .clock(clock(start))
                .add(cron, move || async move {
                    if fails {
                        Err(io::Error::other("no"))
                    } else {
                        Ok(())
                    }
                });
        scheduler.run(sleep(long)).await
    });
    result.unwrap();
    exposition
}

fn job(expression: &str) -> Cron {
    Schedule::cron(expression)
        .unwrap()
        .named("job")
        .without_jitter()
        .expected_duration(MINUTE)
}

/// Returns the seconds since the Unix epoch.
fn time(text: &str) -> f64 {
    at(text).as_second() as f64
}

#[test]
fn success_is_due_by_the_second_run() {
    let store = LocalStore::default();
    let exposition = exposition_after(
        job("*/10 * * * *"),
        &store,
        "2026-11-24T00:09:00Z",
        2 * MINUTE,
        false,
    );
    assert_eq!(value(&exposition, SUCCESS), time("2026-11-24T00:10:00Z"));
    // The second run after the success starts at 00:30 and is expected to take a minute.
    assert_eq!(value(&exposition, DUE), time("2026-11-24T00:31:00Z"));
}

#[test]
fn next_run_is_known_during_a_run() {
    let next_after = |long| {
        let (result, exposition) = with_paused_time(async || {
            let job = job("*/10 * * * *");
            Scheduler::new(LocalStore::default())
                .clock(clock("2026-11-24T00:09:00Z"))
                .add(job, || async {
                    sleep(5 * MINUTE).await;
                    Ok::<(), io::Error>(())
                })
                .run(sleep(long))
                .await
        });
        result.unwrap();
        value(&exposition, NEXT)
    };
    assert_eq!(next_after(MINUTE / 2), time("2026-11-24T00:10:00Z"));
    assert_eq!(next_after(2 * MINUTE), time("2026-11-24T00:20:00Z"));
}

#[test]
fn weekends_are_not_due() {
    let store = LocalStore::default();
    let workdays = || job("*/5 * * * MON-FRI");
    // The first success is the last run of a Friday, and the second is in the middle of a Tuesday.
    let exposition = exposition_after(
        workdays(),
        &store,
        "2026-11-27T23:54:00Z",
        2 * MINUTE,
        false,
    );
    assert_eq!(value(&exposition, DUE), time("2026-11-30T00:06:00Z"));
    let exposition = exposition_after(
        workdays(),
        &store,
        "2026-12-01T11:59:00Z",
        2 * MINUTE,
        false,
    );
    assert_eq!(value(&exposition, DUE), time("2026-12-01T12:11:00Z"));
}

#[test]
fn first_scheduling_survives_restarts() {
    let store = LocalStore::default();
    // The second tick after the first start is that of 25 November. The restart is later.
    for start in ["2026-11-24T00:09:00Z", "2026-11-26T12:00:00Z"] {
        let exposition = exposition_after(job("0 3 * * *"), &store, start, MINUTE, true);
        assert_eq!(
            value(&exposition, DUE),
            time("2026-11-25T03:01:00Z"),
            "{start}"
        );
        assert!(!exposition.contains(SUCCESS), "{exposition}");
    }
}

#[test]
fn other_replicas_successes_count() {
    let store = LocalStore::default();
    let tick = system_time(at("2026-11-24T00:10:00Z"));
    let (ran, exposition) = with_paused_time(async || {
        let other = ClaimRequest::new("job", tick, "another replica");
        let scheduler = Scheduler::new(store.clone())
            .clock(clock("2026-11-24T00:09:30Z"))
            .add(job("*/10 * * * *"), async || Ok::<(), io::Error>(()))
            .run(sleep(MINUTE));
        let elsewhere = async {
            store.claim(other, MINUTE).await.unwrap();
            store
                .finish(other, RunOutcome::Succeeded, tick)
                .await
                .unwrap();
        };
        tokio::join!(scheduler, elsewhere).0
    });
    ran.unwrap();
    assert_eq!(runs(&exposition, "job", "skipped_elsewhere"), 1.0);
    assert_eq!(value(&exposition, SUCCESS), time("2026-11-24T00:10:00Z"));
    assert_eq!(value(&exposition, DUE), time("2026-11-24T00:31:00Z"));
}
