//! Tests of causes of a stalled queue.
//!
//! They are in the order of the table in the book's page on alerts.

use super::{AGE, BUDGET, DEAD_LETTERED, EMAILS, READY, RETRY, TARGET, UP};
use crate::alerts::alert_test::AlertTest;

/// The tests of causes that no test of another module covers.
pub(super) fn all() -> Vec<AlertTest> {
    vec![
        crash_loop(),
        workers_gone(),
        failing(),
        undecodable(),
        stuck(),
        unknown(),
        at_another_service(),
        later(),
    ]
}

/// The worker's process starts every three minutes and exits before it runs a job.
fn crash_loop() -> AlertTest {
    let scraped = |values: [&str; 4]| {
        let minutes = values.map(|value| format!("{value} stale _x1"));
        format!("1x10 {} 1x20", minutes.join(" "))
    };
    AlertTest::of("WorkerQueueStalled", "a process that restarts again and again")
        .series(BUDGET, scraped(["60"; 4]).replace("1x", "60x"))
        .series(AGE, scraped(["120", "300", "480", "660"]))
        .transient(10)
        .fires(
            21,
            &[EMAILS[0], EMAILS[1], ("objective", "default")],
            "The oldest job in the queue emails of orders has waited for 11m 0s, which is more than the queue's latency budget.",
        )
        .resolved(35)
}

/// The processes of the workers are gone; the process that enqueues jobs is up.
fn workers_gone() -> AlertTest {
    AlertTest::of(
        "WorkerQueueUnwatched",
        "the workers are gone, and the process that enqueues is up",
    )
    .series(&BUDGET.replace("\"a\"", "\"web\""), "60x120")
    .series(UP, "1x20 _x3 1x16 stale _x40 1x30")
    .transient(23)
    .fires(
        60,
        &EMAILS,
        "No instance of orders works on the queue emails, which had workers within a day.",
    )
    .resolved(90)
}

/// All attempts fail and are retried later; jobs of another queue mostly succeed.
fn failing() -> AlertTest {
    let invoices = |series: &str| series.replace("emails", "invoices");
    let done = RETRY.replace(r#"outcome="retry",error_type="smtp""#, r#"outcome="ok""#);
    AlertTest::of("WorkerAttemptsFailing", "every attempt fails, for two hours")
        .process(TARGET, 0, "Vx260")
        .series(&done, "0+1x60 60x120 60+1x80")
        .series(RETRY, "0x20 2x50 2+0.5x110 57x80")
        .series(&invoices(&done), "0+1x260")
        .series(&invoices(RETRY), "0+5x260")
        .transient(30)
        .fires(
            160,
            &EMAILS,
            "No attempt at a job of the queue emails of orders succeeded in the last hour. Failed attempts: 30.",
        )
        .resolved(200)
}

/// A job cannot be decoded, because a field of its type was renamed.
fn undecodable() -> AlertTest {
    AlertTest::of("WorkerDeadLetters", "one that cannot be decoded")
        .process(TARGET, 0, "Vx120")
        .series(&DEAD_LETTERED.replace("smtp", "undecodable"), "_x30 1x90")
        .fires(
            35,
            &EMAILS,
            "Jobs of the queue emails of orders that were dead-lettered in the last hour: 1.",
        )
}

/// Jobs of a worker that died are taken over within minutes; others stay stuck.
fn stuck() -> AlertTest {
    AlertTest::of(
        "WorkerJobsStuck",
        "jobs of a worker that died, and then jobs that no worker takes",
    )
    .series(&READY.replace("ready", "stuck"), "0x10 3x5 0x15 2x30 0x20")
    .transient(15)
    .fires(55, &EMAILS, "Stuck jobs of the queue emails of orders: 2.")
    .resolved(70)
}

/// A renamed queue, which has rows but no latency budget.
fn unknown() -> AlertTest {
    AlertTest::of("WorkerQueueUnknown", "a queue that was renamed, beside one that is late")
        .series(AGE, "0x10 0+60x37 2340x12 0x20")
        .series(&AGE.replace("emails", "invoices"), "3600x80")
        .series(&BUDGET.replace("emails", "invoices"), "60x80")
        .transient(25)
        .fires(
            50,
            &EMAILS,
            "The oldest job in the queue emails, which no worker of orders knows, has waited for 39m 0s.",
        )
        .resolved(75)
}

/// A queue of the same name in another service has a latency budget.
fn at_another_service() -> AlertTest {
    AlertTest::of("WorkerQueueUnknown", "a queue of that name at another service")
        .series(AGE, "3600x60")
        .series(&BUDGET.replace("orders", "billing"), "60x60")
        .fires(
            30,
            &EMAILS,
            "The oldest job in the queue emails, which no worker of orders knows, has waited for 1h 0m 0s.",
        )
}

/// Jobs that are scheduled for later have no age, and do not count as stalled.
fn later() -> AlertTest {
    AlertTest::of("WorkerQueueStalled", "jobs that are meant for next year")
        .series(BUDGET, "60x60")
        .series(AGE, "0x60")
        .series(&READY.replace("ready", "scheduled"), "5000x60")
        .transient(60)
}
