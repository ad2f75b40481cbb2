//! Queues that stand still, grow, cannot be read, and give up.

mod queue_stalls;

use crate::alerts::alert_test::AlertTest;

const AGE: &str = r#"worker_queue_oldest_age_seconds{job="orders",instance="a",queue="emails"}"#;
const BUDGET: &str =
    r#"worker_queue_latency_budget_seconds{job="orders",instance="a",queue="emails"}"#;
const READY: &str =
    r#"worker_queue_depth{job="orders",instance="a",queue="emails",status="ready"}"#;
const UP: &str = r#"worker_queue_up{job="orders",instance="a",queue="emails"}"#;
const UP_B: &str = r#"worker_queue_up{job="orders",instance="b",queue="emails"}"#;
const DEAD: &str = r#"worker_tasks_total{job="orders",instance="a",queue="emails",kind="welcome",outcome="dead",error_type="smtp"}"#;
const RETRY: &str = r#"worker_tasks_total{job="orders",instance="a",queue="emails",kind="welcome",outcome="retry",error_type="smtp"}"#;
const TARGET: &str = r#"job="orders",instance="a""#;
/// Without it, what stands still is a ticket.
const DECLARED: &str = r#"slo:availability:declared_objective_ratio{job="orders"}"#;
const EMAILS: [(&str, &str); 2] = [("job", "orders"), ("queue", "emails")];

pub(in super::super) fn all() -> Vec<AlertTest> {
    let mut alert_tests = queue_stalls::all();
    alert_tests.extend([
        stalled("the worker stands still")
            .series(DECLARED, "0.999x60")
            .fires(30, &[EMAILS[0], EMAILS[1], ("objective", "declared")], STALLED)
            .resolved(45),
        stalled("nothing was promised, so that it is a ticket")
            .series(&DECLARED.replace("orders", "billing"), "0.999x60")
            .fires(30, &[EMAILS[0], EMAILS[1], ("objective", "default")], STALLED)
            .resolved(45),
        AlertTest::of("WorkerQueueGrowing", "more comes in than is worked off")
            .series(BUDGET, "60x120")
            .series(AGE, "1x20 40x5 1x25 45x69")
            .series(READY, "0x20 10x5 0x25 10+10x40 100x30")
            .transient(25)
            .fires(
                80,
                &EMAILS,
                "The queue emails of orders grows, and its oldest job has used 75% of the latency budget.",
            )
            .resolved(119),
        AlertTest::of("WorkerQueueUnreadable", "one instance of two")
            .series(UP, "1x10 0x2 1x7 0x30 1x20")
            .series(UP_B, "1x70")
            .transient(12)
            .fires(
                40,
                &[("job", "orders"), ("instance", "a"), ("queue", "emails")],
                "a of orders cannot read the state of the queue emails from its store.",
            )
            .resolved(55),
        AlertTest::of("WorkerDeadLetters", "two at once, from a series that was not there before")
            .process(TARGET, 0, "Vx150")
            .series(RETRY, "0+1x150")
            .series(DEAD, "_x30 2x120")
            .transient(25)
            .fires(35, &EMAILS, "2 jobs of the queue emails of orders were given up in the last hour.")
            .resolved(100),
        // A pod that fails before it is scraped first, and is deleted soon after.
        AlertTest::of("WorkerDeadLetters", "two of a process that is new, and soon gone")
            .process(TARGET, 1_700, "_x30 Vx5 stale")
            .series(DEAD, "_x30 2x5 stale")
            .transient(29)
            .fires(50, &EMAILS, "2 jobs of the queue emails of orders were given up in the last hour.")
            .resolved(100),
        // Its series has been there before, of the process before it.
        AlertTest::of("WorkerDeadLetters", "one, a while after a restart in the same place")
            .process(TARGET, 0, "Vx30 stale")
            .process(TARGET, 1_900, "_x32 Vx150")
            .series(DEAD, "7x30 stale _x100 1x40")
            .transient(100)
            .fires(133, &EMAILS, "1 jobs of the queue emails of orders were given up in the last hour."),
        // Prometheus was away when they were given up.
        AlertTest::of("WorkerDeadLetters", "three that it never saw, beside one that it tells of")
            .process(TARGET, -36_000, "_x60 Vx240")
            .series(DEAD, "_x60 3x240")
            .series(&READY.replace("ready", "dead"), "_x60 3x120 0x60 1x60")
            .series(&DEAD.replace("emails", "invoices"), "_x60 0x60 1x180")
            .series(&READY.replace("ready", "dead").replace("emails", "invoices"), "_x60 0x60 1x180")
            .transient(115)
            .firing(130, &[EMAILS[0], EMAILS[1], ("state", "left")])
            .resolved_only(190, "queue", "emails")
            .resolved_only(260, "state", "left"),
        quiet("one scrape fails", "Vx5 stale Vx70", 80),
        quiet("every other scrape fails", "V stale V stale V stale V stale V stale Vx70", 80),
        quiet("Prometheus is away for ten minutes", "Vx5 _x10 Vx75", 90),
        quiet("Prometheus is away for two hours", "Vx5 _x120 Vx65", 190),
        quiet("Prometheus is new, and the service is not", "_x5 Vx70", 75),
    ]);
    alert_tests
}

const STALLED: &str = "The oldest job in the queue emails of orders has waited for 9m 0s, which is more than the queue's latency budget.";

fn stalled(name: &str) -> AlertTest {
    AlertTest::of("WorkerQueueStalled", name)
        .series(BUDGET, "60x60")
        .series(AGE, "1x10 90 1x9 60+60x6 540x13 1x20")
        .transient(12)
}

/// Five were given up long ago, and only the scrapes have gaps.
fn quiet(name: &str, scrapes: &str, ends: u32) -> AlertTest {
    let test = AlertTest::of("WorkerDeadLetters", format!("none, while {name}"))
        .process(TARGET, -36_000, scrapes)
        .series(DEAD, scrapes.replace('V', "5"));
    (5..ends).step_by(3).fold(test, AlertTest::transient)
}
