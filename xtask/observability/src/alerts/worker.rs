//! Queues: work that no user waits for at a screen, and that stands still without an error.
//!
//! The state of a queue is read from its store by each instance, so that they all say the same: the largest is right, a sum would
//! count it twice. Whether it can be read is each instance's own.

pub(super) mod alert_tests;

use firstlight::metrics::catalog::{
    Metric, WORKER_QUEUE_DEPTH, WORKER_QUEUE_LATENCY_BUDGET, WORKER_QUEUE_OLDEST_AGE,
    WORKER_QUEUE_UP, WORKER_TASKS,
};

use super::{
    alert::{Alert, Promise},
    board::Board,
    group::Group,
    recording::Record,
    timing::Timing,
};
use crate::{
    limits::{FAILED_ATTEMPTS, QUEUE_BUDGET_PART, UNKNOWN_QUEUE},
    promql::{Selector, counted, max, of_service, on_service},
};

/// What tells a queue of one service from all others.
const QUEUE: [&str; 1] = ["queue"];
const AGE: &str = "queue:worker_queue_oldest_age_seconds:last";
const BUDGET: &str = "queue:worker_queue_latency_budget_seconds:last";
const DEAD: &str = "queue:worker_tasks_dead:count1h";
const FAILED: &str = "queue:worker_tasks_failed:count1h";
const DONE: &str = "queue:worker_tasks_ok:count1h";

pub(super) fn counts() -> Vec<Record> {
    let attempts = || Selector::of(&WORKER_TASKS);
    let counts = [
        (DEAD, attempts().is("outcome", "dead")),
        (FAILED, attempts().is_not("outcome", "ok")),
        (DONE, attempts().is("outcome", "ok")),
    ]
    .map(|(name, attempts)| {
        Record::as_(name).of(&[&counted(&of_service(&QUEUE), &attempts, "1h")])
    });
    let states = [
        last(AGE, &WORKER_QUEUE_OLDEST_AGE).because(
            "A process that ends again and again is away most of the time: what it said last holds for five minutes.",
        ),
        last(BUDGET, &WORKER_QUEUE_LATENCY_BUDGET),
    ];
    counts.into_iter().chain(states).collect()
}

pub(super) fn group(timing: Timing) -> Group {
    let promises = [Promise::Declared, Promise::Default];
    let group = Group::new("firstlight-worker").alerts(promises.map(stalled));
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

fn stalled(promise: Promise) -> Alert {
    Alert::of(promise, "WorkerQueueStalled")
        .because(match promise {
            Promise::Declared => {
                "Not the length of a queue but its age: that is what the user of a 202 sees. The budget is the queue's own, from its code; \
                 it is a page if the service has a declared objective, and else a ticket."
            }
            Promise::Default => "",
        })
        .when(&[
            AGE,
            &format!("> {}", on_service(&QUEUE)),
            BUDGET,
            &promise.filter("slo:availability"),
        ])
        .lasting("2m")
        .summary("Jobs wait longer than their queue may let them.")
        .description("The oldest job in the queue {{ $labels.queue }} of {{ $labels.job }} has waited for {{ $value | humanizeDuration }}, which is more than the queue's latency budget.")
        .on(Board::Worker)
}

fn growing() -> Alert {
    let ready = Selector::of(&WORKER_QUEUE_DEPTH).is("status", "ready");
    let rising = max(&of_service(&QUEUE), format!("deriv({ready}[30m])"));
    let on = on_service(&QUEUE);
    Alert::ticket("WorkerQueueGrowing")
        .because("Before it stalls: more comes in than is worked off, and half of the time that there is has passed.")
        .when(&[
            &format!("{AGE} / {on} {BUDGET} > {QUEUE_BUDGET_PART}"),
            &format!("and {on}"),
            &format!("{rising} > 0"),
        ])
        .lasting("15m")
        .summary("A queue grows faster than it is worked off.")
        .description("The queue {{ $labels.queue }} of {{ $labels.job }} grows, and its oldest job has used {{ $value | humanizePercentage }} of the latency budget.")
        .on(Board::Worker)
}

fn unknown(timing: Timing) -> Alert {
    let seconds = timing.seconds(UNKNOWN_QUEUE);
    Alert::ticket("WorkerQueueUnknown")
        .because("A queue that was renamed, or whose worker was taken out of the program, has rows and no latency budget: WorkerQueueStalled has nothing to compare with. What is there is asked of the store by every program that works off another of its queues.")
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
        .because("A job whose worker is gone is taken over within minutes, and then counts as ready. What is stuck for longer is taken by no worker, and some of it has no age either: a state or a time that does not exist.")
        .when(&[&format!("{} > 0", max(&of_service(&QUEUE), stuck))])
        .lasting("15m")
        .summary("Jobs are held by no worker, and none will take them.")
        .description("{{ $value }} jobs of the queue {{ $labels.queue }} of {{ $labels.job }} are stuck.")
        .on(Board::Worker)
}

fn failing() -> Alert {
    Alert::ticket("WorkerAttemptsFailing")
        .because("What fails is tried again later, so that the queue has no old job, and is given up only after its last attempt, which may be in days: until then neither its age nor its dead letters say that nothing is done.")
        .when(&[
            &format!("{FAILED} >= {FAILED_ATTEMPTS}"),
            &format!("unless {}", on_service(&QUEUE)),
            &format!("{DONE} > 0"),
        ])
        .lasting("5m")
        .summary("Every attempt at the jobs of a queue fails.")
        .description("{{ $value | humanize }} attempts at jobs of the queue {{ $labels.queue }} of {{ $labels.job }} failed in the last hour, and none succeeded.")
        .on(Board::Worker)
}

fn unreadable() -> Alert {
    let by = of_service(&["instance", "queue"]);
    let up = max(&by, Selector::of(&WORKER_QUEUE_UP));
    Alert::ticket("WorkerQueueUnreadable")
        .because("Depth and age are NaN while the store cannot be read, and no comparison with NaN is ever true: without this, the two alerts above would be blind in silence. An instance that cannot read the queue works none of it off either, however well the others do.")
        .when(&[&format!("{up} == 0")])
        .lasting("5m")
        .summary("An instance cannot tell how a queue is doing.")
        .description("{{ $labels.instance }} of {{ $labels.job }} cannot read the state of the queue {{ $labels.queue }} from its store.")
        .on(Board::Worker)
}

fn unwatched() -> Alert {
    let on = on_service(&QUEUE);
    let up = max(&of_service(&QUEUE), Selector::of(&WORKER_QUEUE_UP));
    Alert::ticket("WorkerQueueUnwatched")
        .because("Workers may have processes of their own, which are gone while those that enqueue are up: the service is not down, and its queue has no age. A queue that no process declares any more is none.")
        .when(&[
            &max(&of_service(&QUEUE), Selector::of(&WORKER_QUEUE_LATENCY_BUDGET)),
            &format!("unless {on}"),
            &up,
            &format!("and {on}"),
            &max(
                &of_service(&QUEUE),
                format!("last_over_time({}[1d])", Selector::of(&WORKER_QUEUE_UP)),
            ),
        ])
        .lasting("5m")
        .summary("A queue has lost its workers.")
        .description("No instance of {{ $labels.job }} looks after the queue {{ $labels.queue }} any more, which had workers within a day.")
        .on(Board::Worker)
}

fn dead_letters() -> Alert {
    Alert::ticket("WorkerDeadLetters")
        .because("Each is something that was promised to a user and will not happen by itself, so one is enough.")
        .when(&[&format!("{DEAD} > 0")])
        .lasting("0m")
        .summary("Jobs were given up for good.")
        .description("{{ $value | humanize }} jobs of the queue {{ $labels.queue }} of {{ $labels.job }} were given up in the last hour.")
        .on(Board::Worker)
}

fn dead_letters_left() -> Alert {
    let dead = Selector::of(&WORKER_QUEUE_DEPTH).is("status", "dead");
    Alert::ticket("WorkerDeadLetters")
        .because("Those that are there and were not told of within a week: given up while Prometheus was away, or left.")
        .when(&[
            &format!("{} > 0", max(&of_service(&QUEUE), dead)),
            &format!("unless {}", on_service(&QUEUE)),
            &format!("max_over_time({DEAD}[7d]) > 0"),
        ])
        .lasting("1h")
        .label("state", "left")
        .summary("Jobs that were given up are still there.")
        .description("{{ $value }} jobs of the queue {{ $labels.queue }} of {{ $labels.job }} were given up, none of them within a week, and were neither retried nor removed.")
        .on(Board::Worker)
}

/// What any instance says, or what one has said last.
fn last(name: &str, metric: &Metric) -> Record {
    let by = of_service(&QUEUE);
    let series = Selector::of(metric);
    Record::as_(name).of(&[
        &max(&by, &series),
        &format!("or {}", on_service(&QUEUE)),
        &max(&by, format!("last_over_time({series}[5m])")),
    ])
}
