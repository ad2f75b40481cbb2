//! Queues: work that nobody waits for at a screen, and that stands still without an error.
//!
//! The state of a queue is read from its store by each instance, so that they all say the same: the largest is right, a sum would
//! count it twice. Whether it can be read is each instance's own.

pub(super) mod drills;

use firstlight::metrics::catalog::{
    WORKER_QUEUE_DEPTH, WORKER_QUEUE_LATENCY_BUDGET, WORKER_QUEUE_OLDEST_AGE, WORKER_QUEUE_UP,
    WORKER_TASKS,
};

use super::{alert::Alert, board::Board, group::Group, record::Record};
use crate::observability::{
    limits::QUEUE_BUDGET_PART,
    promql::{Selector, counted, max, of_service, on_service},
};

/// What tells a queue of one service from all others.
const QUEUE: [&str; 1] = ["queue"];
const DEAD: &str = "queue:worker_tasks_dead:count1h";

pub(super) fn counts() -> [Record; 1] {
    let dead = Selector::of(&WORKER_TASKS).is("outcome", "dead");
    [Record::as_(DEAD).of(&[&counted(&of_service(&QUEUE), &dead, "1h")])]
}

pub(super) fn group() -> Group {
    Group::new("firstlight-worker").alerts([stalled(), growing(), unreadable(), dead_letters()])
}

fn stalled() -> Alert {
    Alert::page("WorkerQueueStalled")
        .because("Not the length of a queue but its age: that is what the user of a 202 sees. The budget is the queue's own, declared in its code.")
        .when(&[&oldest_age(), &format!("> {}", on_service(&QUEUE)), &budget()])
        .lasting("2m")
        .summary("Jobs wait longer than their queue may let them.")
        .description("The oldest job in the queue {{ $labels.queue }} of {{ $labels.job }} has waited for {{ $value | humanizeDuration }}, which is more than the queue's latency budget.")
        .on(Board::Worker)
}

fn growing() -> Alert {
    let ready = Selector::of(&WORKER_QUEUE_DEPTH).is("state", "ready");
    let rising = max(&of_service(&QUEUE), format!("deriv({ready}[30m])"));
    let on = on_service(&QUEUE);
    Alert::ticket("WorkerQueueGrowing")
        .because("Before it stalls: more comes in than is worked off, and half of the time that there is has passed.")
        .when(&[
            &format!("{} / {on} {} > {QUEUE_BUDGET_PART}", oldest_age(), budget()),
            &format!("and {on}"),
            &format!("{rising} > 0"),
        ])
        .lasting("15m")
        .summary("A queue grows faster than it is worked off.")
        .description("The queue {{ $labels.queue }} of {{ $labels.job }} grows, and its oldest job has used {{ $value | humanizePercentage }} of the latency budget.")
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

fn dead_letters() -> Alert {
    Alert::ticket("WorkerDeadLetters")
        .because("Each is something that was promised to somebody and will not happen unless a person sees to it, so one is enough.")
        .when(&[&format!("{DEAD} > 0")])
        .lasting("0m")
        .summary("Jobs were given up for good.")
        .description("{{ $value | humanize }} jobs of the queue {{ $labels.queue }} of {{ $labels.job }} were given up in the last hour.")
        .on(Board::Worker)
}

fn oldest_age() -> String {
    max(&of_service(&QUEUE), Selector::of(&WORKER_QUEUE_OLDEST_AGE))
}

fn budget() -> String {
    max(
        &of_service(&QUEUE),
        Selector::of(&WORKER_QUEUE_LATENCY_BUDGET),
    )
}
