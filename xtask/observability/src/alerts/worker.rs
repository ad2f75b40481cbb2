//! Alerts on queues, which can stall without an error.
//!
//! Each instance reads the state of a queue from the store and exports the same values. Rules use the maximum, because a sum
//! would count each job once per instance. Whether an instance can read the store is specific to it.

use firstlight::metrics::catalog::{
    Metric, WORKER_QUEUE_DEPTH, WORKER_QUEUE_LATENCY_BUDGET, WORKER_QUEUE_OLDEST_AGE,
    WORKER_QUEUE_UP, WORKER_TASKS,
};

use super::{
    alert::{Alert, ObjectiveSource},
    board::Board,
    group::Group,
    recording::Record,
    timing::Timing,
};
use crate::{
    limits::{FAILED_ATTEMPTS, QUEUE_BUDGET_RATIO, UNKNOWN_QUEUE},
    promql::{Selector, counted, max, on_service, service_labels},
};

/// The label that identifies a queue of a service.
const QUEUE: [&str; 1] = ["queue"];
const AGE: &str = "queue:worker_queue_oldest_age_seconds:last";
const BUDGET: &str = "queue:worker_queue_latency_budget_seconds:last";
const DEAD_LETTERED: &str = "queue:worker_tasks_dead_lettered:count1h";
const FAILED: &str = "queue:worker_tasks_failed:count1h";
const DONE: &str = "queue:worker_tasks_ok:count1h";

pub(super) fn counts() -> Vec<Record> {
    let attempts = || Selector::of(&WORKER_TASKS);
    let counts = [
        (DEAD_LETTERED, attempts().is("outcome", "dead_lettered")),
        (FAILED, attempts().is_not("outcome", "ok")),
        (DONE, attempts().is("outcome", "ok")),
    ]
    .map(|(name, attempts)| {
        Record::named(name).expr(&[&counted(&service_labels(&QUEUE), &attempts, "1h")])
    });
    let states = [
        last(AGE, &WORKER_QUEUE_OLDEST_AGE).because(
            "A process that restarts again and again is down most of the time, so its last value is used for five minutes.",
        ),
        last(BUDGET, &WORKER_QUEUE_LATENCY_BUDGET),
    ];
    counts.into_iter().chain(states).collect()
}

pub(super) fn group(timing: Timing) -> Group {
    let sources = [ObjectiveSource::Declared, ObjectiveSource::Default];
    let group = Group::new("firstlight-worker").alerts(sources.map(stalled));
    group.alerts([
        growing(),
        unknown(timing),
        stuck(),
        failing(),
        unreadable(),
        unwatched(),
        dead_letters(),
        dead_letters_left(),
    ])
}

fn stalled(source: ObjectiveSource) -> Alert {
    Alert::of(source, "WorkerQueueStalled")
        .because(match source {
            ObjectiveSource::Declared => {
                "A client that got a 202 notices the age of a queue, not its length. The service declares the latency budget of each \
                 queue. The alert is a page if the service has a declared objective, and otherwise a ticket."
            }
            ObjectiveSource::Default => "",
        })
        .when(&[
            AGE,
            &format!("> {}", on_service(&QUEUE)),
            BUDGET,
            &source.filter("slo:availability"),
        ])
        .lasting("2m")
        .summary("Jobs wait longer than the latency budget of their queue.")
        .description("The oldest job in the queue {{ $labels.queue }} of {{ $labels.job }} has waited for {{ $value | humanizeDuration }}, which is more than the queue's latency budget.")
        .on(Board::Worker)
}

fn growing() -> Alert {
    let ready = Selector::of(&WORKER_QUEUE_DEPTH).is("status", "ready");
    let rising = max(&service_labels(&QUEUE), format!("deriv({ready}[30m])"));
    let on = on_service(&QUEUE);
    Alert::ticket("WorkerQueueGrowing")
        .because("Fires before the queue stalls: more jobs arrive than workers complete, and half of the latency budget is used.")
        .when(&[
            &format!("{AGE} / {on} {BUDGET} > {QUEUE_BUDGET_RATIO}"),
            &format!("and {on}"),
            &format!("{rising} > 0"),
        ])
        .lasting("15m")
        .summary("A queue grows faster than workers complete its jobs.")
        .description("The queue {{ $labels.queue }} of {{ $labels.job }} grows, and its oldest job has used {{ $value | humanizePercentage }} of the latency budget.")
        .on(Board::Worker)
}

fn unknown(timing: Timing) -> Alert {
    let seconds = timing.seconds(UNKNOWN_QUEUE);
    Alert::ticket("WorkerQueueUnknown")
        .because("A renamed queue, or one whose worker was removed from the program, has rows but no latency budget, so WorkerQueueStalled cannot fire. Each program with another queue in the same store exports the state of such queues.")
        .when(&[
            &format!("{AGE} > {seconds}"),
            &format!("unless {}", on_service(&QUEUE)),
            BUDGET,
        ])
        .lasting("5m")
        .summary("Jobs wait in a queue that no worker knows.")
        .description("The oldest job in the queue {{ $labels.queue }}, which no worker of {{ $labels.job }} knows, has waited for {{ $value | humanizeDuration }}.")
        .on(Board::Worker)
}

fn stuck() -> Alert {
    let stuck = Selector::of(&WORKER_QUEUE_DEPTH).is("status", "stuck");
    Alert::ticket("WorkerJobsStuck")
        .because("A job whose worker is gone is taken over within minutes, and then counts as ready. No worker takes a job that is stuck for longer. Some of these jobs have no age either, because their state or time is invalid.")
        .when(&[&format!("{} > 0", max(&service_labels(&QUEUE), stuck))])
        .lasting("15m")
        .summary("Jobs are held by no worker, and none will take them.")
        .description("Stuck jobs of the queue {{ $labels.queue }} of {{ $labels.job }}: {{ $value }}.")
        .on(Board::Worker)
}

fn failing() -> Alert {
    Alert::ticket("WorkerAttemptsFailing")
        .because("Failed jobs are retried later, so the queue has no old job, and they are dead-lettered only after the last attempt, which may be days later. Until then, neither the age of the queue nor its dead letters show that no job succeeds.")
        .when(&[
            &format!("{FAILED} >= {FAILED_ATTEMPTS}"),
            &format!("unless {}", on_service(&QUEUE)),
            &format!("{DONE} > 0"),
        ])
        .lasting("5m")
        .summary("Every attempt at the jobs of a queue fails.")
        .description("No attempt at a job of the queue {{ $labels.queue }} of {{ $labels.job }} succeeded in the last hour. Failed attempts: {{ $value | humanize }}.")
        .on(Board::Worker)
}

fn unreadable() -> Alert {
    let by = service_labels(&["instance", "queue"]);
    let up = max(&by, Selector::of(&WORKER_QUEUE_UP));
    Alert::ticket("WorkerQueueUnreadable")
        .because("Depth and age are NaN while the store cannot be read, and a comparison with NaN is never true, so the alerts above cannot fire. An instance that cannot read the queue cannot run its jobs either, even if other instances can.")
        .when(&[&format!("{up} == 0")])
        .lasting("5m")
        .summary("An instance cannot read the state of a queue.")
        .description("{{ $labels.instance }} of {{ $labels.job }} cannot read the state of the queue {{ $labels.queue }} from its store.")
        .on(Board::Worker)
}

fn unwatched() -> Alert {
    let on = on_service(&QUEUE);
    let up = max(&service_labels(&QUEUE), Selector::of(&WORKER_QUEUE_UP));
    Alert::ticket("WorkerQueueUnwatched")
        .because("Workers may run in separate processes. If those are gone while the processes that enqueue are up, the service is not down, and its queue has no age. A queue that no process declares is ignored.")
        .when(&[
            &max(&service_labels(&QUEUE), Selector::of(&WORKER_QUEUE_LATENCY_BUDGET)),
            &format!("unless {on}"),
            &up,
            &format!("and {on}"),
            &max(
                &service_labels(&QUEUE),
                format!("last_over_time({}[1d])", Selector::of(&WORKER_QUEUE_UP)),
            ),
        ])
        .lasting("5m")
        .summary("A queue has lost its workers.")
        .description("No instance of {{ $labels.job }} works on the queue {{ $labels.queue }}, which had workers within a day.")
        .on(Board::Worker)
}

fn dead_letters() -> Alert {
    Alert::ticket("WorkerDeadLetters")
        .because("Each dead letter is work that was accepted and will not be done without an operator, so a single one is enough.")
        .when(&[&format!("{DEAD_LETTERED} > 0")])
        .lasting("0m")
        .summary("Jobs were dead-lettered.")
        .description("Jobs of the queue {{ $labels.queue }} of {{ $labels.job }} that were dead-lettered in the last hour: {{ $value | humanize }}.")
        .on(Board::Worker)
}

fn dead_letters_left() -> Alert {
    let dead = Selector::of(&WORKER_QUEUE_DEPTH).is("status", "dead_lettered");
    Alert::ticket("WorkerDeadLetters")
        .because("Dead letters in the store that the alert above did not report within a week: dead-lettered while Prometheus was down, or left there.")
        .when(&[
            &format!("{} > 0", max(&service_labels(&QUEUE), dead)),
            &format!("unless {}", on_service(&QUEUE)),
            &format!("max_over_time({DEAD_LETTERED}[7d]) > 0"),
        ])
        .lasting("1h")
        .label("state", "left")
        .summary("Dead-lettered jobs are still in the store.")
        .description("Dead-lettered jobs of the queue {{ $labels.queue }} of {{ $labels.job }}: {{ $value }}, none of them within a week. They were neither retried nor removed.")
        .on(Board::Worker)
}

/// The maximum over instances, or the last value within five minutes.
fn last(name: &str, metric: &Metric) -> Record {
    let by = service_labels(&QUEUE);
    let series = Selector::of(metric);
    Record::named(name).expr(&[
        &max(&by, &series),
        &format!("or {}", on_service(&QUEUE)),
        &max(&by, format!("last_over_time({series}[5m])")),
    ])
}

/// Tests of alerts on queues that stall or grow, and on dead letters.
pub(super) mod alert_tests {
    mod queue_stalls;

    use crate::alerts::alert_test::AlertTest;

    const AGE: &str =
        r#"worker_queue_oldest_age_seconds{job="orders",instance="a",queue="emails"}"#;
    const BUDGET: &str =
        r#"worker_queue_latency_budget_seconds{job="orders",instance="a",queue="emails"}"#;
    const READY: &str =
        r#"worker_queue_depth{job="orders",instance="a",queue="emails",status="ready"}"#;
    const UP: &str = r#"worker_queue_up{job="orders",instance="a",queue="emails"}"#;
    const UP_B: &str = r#"worker_queue_up{job="orders",instance="b",queue="emails"}"#;
    const DEAD_LETTERED: &str = r#"worker_tasks_total{job="orders",instance="a",queue="emails",kind="welcome",outcome="dead_lettered",error_type="smtp"}"#;
    const RETRY: &str = r#"worker_tasks_total{job="orders",instance="a",queue="emails",kind="welcome",outcome="retry",error_type="smtp"}"#;
    const TARGET: &str = r#"job="orders",instance="a""#;
    /// A declared objective, without which a stalled queue is a ticket.
    const DECLARED: &str = r#"slo:availability:declared_objective_ratio{job="orders"}"#;
    const EMAILS: [(&str, &str); 2] = [("job", "orders"), ("queue", "emails")];

    pub(in super::super) fn all() -> Vec<AlertTest> {
        let mut alert_tests = queue_stalls::all();
        alert_tests.extend([
            stalled("the worker stands still")
                .series(DECLARED, "0.999x60")
                .fires(30, &[EMAILS[0], EMAILS[1], ("objective", "declared")], STALLED)
                .resolved(45),
            stalled("a ticket without a declared objective")
                .series(&DECLARED.replace("orders", "billing"), "0.999x60")
                .fires(30, &[EMAILS[0], EMAILS[1], ("objective", "default")], STALLED)
                .resolved(45),
            AlertTest::of("WorkerQueueGrowing", "more jobs arrive than workers complete")
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
                .series(DEAD_LETTERED, "_x30 2x120")
                .transient(25)
                .fires(35, &EMAILS, "Jobs of the queue emails of orders that were dead-lettered in the last hour: 2.")
                .resolved(100),
            // A pod fails before its first scrape and is deleted soon after.
            AlertTest::of("WorkerDeadLetters", "two of a new process that is soon gone")
                .process(TARGET, 1_700, "_x30 Vx5 stale")
                .series(DEAD_LETTERED, "_x30 2x5 stale")
                .transient(29)
                .fires(50, &EMAILS, "Jobs of the queue emails of orders that were dead-lettered in the last hour: 2.")
                .resolved(100),
            // An earlier process had the same series.
            AlertTest::of("WorkerDeadLetters", "one, some time after a restart of the same instance")
                .process(TARGET, 0, "Vx30 stale")
                .process(TARGET, 1_900, "_x32 Vx150")
                .series(DEAD_LETTERED, "7x30 stale _x100 1x40")
                .transient(100)
                .fires(133, &EMAILS, "Jobs of the queue emails of orders that were dead-lettered in the last hour: 1."),
            // The jobs were dead-lettered while Prometheus was down.
            AlertTest::of("WorkerDeadLetters", "three from before the first scrape, and one in another queue")
                .process(TARGET, -36_000, "_x60 Vx240")
                .series(DEAD_LETTERED, "_x60 3x240")
                .series(&READY.replace("ready", "dead_lettered"), "_x60 3x120 0x60 1x60")
                .series(&DEAD_LETTERED.replace("emails", "invoices"), "_x60 0x60 1x180")
                .series(&READY.replace("ready", "dead_lettered").replace("emails", "invoices"), "_x60 0x60 1x180")
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

    /// Five jobs were dead-lettered long ago, and only the scrapes have gaps.
    fn quiet(name: &str, scrapes: &str, ends: u32) -> AlertTest {
        let test = AlertTest::of("WorkerDeadLetters", format!("none, while {name}"))
            .process(TARGET, -36_000, scrapes)
            .series(DEAD_LETTERED, scrapes.replace('V', "5"));
        (5..ends).step_by(3).fold(test, AlertTest::transient)
    }
}
