//! Queues that stand still, grow, cannot be read, and give up.

use crate::observability::alerts::drill::Drill;

const AGE: &str = r#"worker_queue_oldest_age_seconds{job="orders",instance="a",queue="emails"}"#;
const BUDGET: &str =
    r#"worker_queue_latency_budget_seconds{job="orders",instance="a",queue="emails"}"#;
const READY: &str = r#"worker_queue_depth{job="orders",instance="a",queue="emails",state="ready"}"#;
const UP: &str = r#"worker_queue_up{job="orders",instance="a",queue="emails"}"#;
const UP_B: &str = r#"worker_queue_up{job="orders",instance="b",queue="emails"}"#;
const DEAD: &str = r#"worker_tasks_total{job="orders",instance="a",queue="emails",kind="welcome",outcome="dead",error_type="smtp"}"#;
const RETRY: &str = r#"worker_tasks_total{job="orders",instance="a",queue="emails",kind="welcome",outcome="retry",error_type="smtp"}"#;
const EMAILS: [(&str, &str); 2] = [("job", "orders"), ("queue", "emails")];

pub(in super::super) fn drills() -> Vec<Drill> {
    vec![
        Drill::of("WorkerQueueStalled", "the worker stands still")
            .series(BUDGET, "60x60")
            .series(AGE, "1x10 90 1x9 60+60x20 1x20")
            .blip(12)
            .fires(
                30,
                &EMAILS,
                "The oldest job in the queue emails of orders has waited for 9m 0s, which is more than the queue's latency budget.",
            )
            .resolved(45),
        Drill::of("WorkerQueueGrowing", "more comes in than is worked off")
            .series(BUDGET, "60x120")
            .series(AGE, "1x20 40x5 1x25 45x69")
            .series(READY, "0x20 10x5 0x25 10+10x40 100x30")
            .blip(25)
            .fires(
                80,
                &EMAILS,
                "The queue emails of orders grows, and its oldest job has used 75% of the latency budget.",
            )
            .resolved(119),
        Drill::of("WorkerQueueUnreadable", "no instance can read it, and not only one")
            .series(UP, "1x10 0x40 1x20")
            .series(UP_B, "1x20 0x30 1x20")
            .blip(18)
            .fires(
                40,
                &EMAILS,
                "No instance of orders can read the state of the queue emails from its store.",
            )
            .resolved(55),
        Drill::of("WorkerDeadLetters", "two at once, from a series that was not there before")
            .series(RETRY, "0+1x150")
            .series(DEAD, "_x30 2x120")
            .blip(25)
            .fires(35, &EMAILS, "2 jobs of the queue emails of orders were given up in the last hour.")
            .resolved(100),
    ]
}
