//! When a success is due: what the alert on missed runs compares with the clock.

use super::*;
use crate::cron::Cron;

const DUE: &str = "cron_success_due_timestamp_seconds{cron=\"job\"}";
const SUCCESS: &str = "cron_last_success_timestamp_seconds{cron=\"job\"}";

/// The exposition after a scheduler with this job has run from `start` on for `long`.
fn exposition(cron: Cron, store: &LocalStore, start: &str, long: Duration, fails: bool) -> String {
    let (result, page) = in_no_time(async || {
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
    page
}

fn job(expression: &str) -> Cron {
    Schedule::cron(expression)
        .unwrap()
        .named("job")
        .without_jitter()
        .expected_duration(MINUTE)
}

/// Seconds since the Unix epoch.
fn time(text: &str) -> f64 {
    at(text).as_second() as f64
}

#[test]
fn second_run_after_a_success() {
    let store = LocalStore::default();
    let page = exposition(
        job("*/10 * * * *"),
        &store,
        "2026-11-24T00:09:00Z",
        2 * MINUTE,
        false,
    );
    assert_eq!(value(&page, SUCCESS), time("2026-11-24T00:10:00Z"));
    assert_eq!(value(&page, DUE), time("2026-11-24T00:31:00Z"));
}

#[test]
fn not_on_a_weekend() {
    let store = LocalStore::default();
    let workdays = || job("*/5 * * * MON-FRI");
    // The last run of a Friday, and one in the middle of a Tuesday.
    let page = exposition(
        workdays(),
        &store,
        "2026-11-27T23:54:00Z",
        2 * MINUTE,
        false,
    );
    assert_eq!(value(&page, DUE), time("2026-11-30T00:06:00Z"));
    let page = exposition(
        workdays(),
        &store,
        "2026-12-01T11:59:00Z",
        2 * MINUTE,
        false,
    );
    assert_eq!(value(&page, DUE), time("2026-12-01T12:11:00Z"));
}

#[test]
fn never_succeeded_counts_over_restarts() {
    let store = LocalStore::default();
    for start in ["2026-11-24T00:09:00Z", "2026-11-26T12:00:00Z"] {
        let page = exposition(job("0 3 * * *"), &store, start, MINUTE, true);
        assert_eq!(value(&page, DUE), time("2026-11-25T03:01:00Z"), "{start}");
        assert!(!page.contains(SUCCESS), "{page}");
    }
}

#[test]
fn learns_of_another_replica() {
    let store = LocalStore::default();
    let tick = system_time(at("2026-11-24T00:10:00Z"));
    let (ran, page) = in_no_time(async || {
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
    assert_eq!(runs(&page, "job", "skipped_elsewhere"), 1.0);
    assert_eq!(value(&page, SUCCESS), time("2026-11-24T00:10:00Z"));
    assert_eq!(value(&page, DUE), time("2026-11-24T00:31:00Z"));
}
