//! The dashboard `firstlight: worker`.

use firstlight::metrics::catalog;

use super::{Color, Column, Dashboard, Panel, Row, Target, Unit, Variable, query};
use crate::{
    limits,
    promql::{self, Selector, service_labels},
};

const QUEUE: &[&str] = &["cluster", "namespace", "job", "queue"];
const KIND: &[&str] = &["cluster", "namespace", "job", "queue", "kind"];

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new(
        "worker",
        "firstlight: worker",
        "Is accepted work done in time?",
        &known(),
    )
    .variable(Variable::among(
        "queue",
        "Queue",
        "queue",
        known().selected(),
    ))
    .row(now())
    .row(queues())
    .row(times())
    .row(failures())
}

/// Series of declared queues, and of queues in the store that no worker declares.
fn known() -> Selector {
    Selector::any_of(&[
        catalog::WORKER_QUEUE_LATENCY_BUDGET.name,
        catalog::WORKER_QUEUE_UP.name,
    ])
}

/// The legend of a queue's series.
fn legend(series: &str) -> String {
    query::legend(&format!("{{{{queue}}}} {series}"))
}

/// The selected series of a metric, restricted to the selected queues.
fn selected(metric: &catalog::Metric) -> Selector {
    query::selected(metric).matches("queue", "$queue")
}

fn now() -> Row {
    Row::new("Is accepted work done in time?").line([
        oldest(),
        readable(),
        waiting(),
        dead_lettered(),
        accepted_to_done_now(),
        succeeding(),
    ])
}

fn oldest() -> Panel {
    age(Panel::stat("Oldest job, of its budget"), "$queue").no_value("no queue")
}

/// The age of the oldest job in relation to its queue's latency budget.
///
/// It shows all queues if `queues` is empty.
pub(super) fn age_of_budget(queues: &str) -> Panel {
    age(
        Panel::timeseries("Oldest job, of its queue's budget"),
        queues,
    )
}

fn age(panel: Panel, queues: &str) -> Panel {
    let of_queue = |metric| {
        let series = query::selected(metric);
        let series = if queues.is_empty() {
            series
        } else {
            series.matches("queue", queues)
        };
        promql::max(&service_labels(&["queue"]), series)
    };
    let age = of_queue(&catalog::WORKER_QUEUE_OLDEST_AGE);
    let budget = of_queue(&catalog::WORKER_QUEUE_LATENCY_BUDGET);
    panel
        .means(
            "How long the oldest job has waited, as a part of its queue's latency budget. Users \
             notice this wait, and not the length of the queue.",
        )
        .normally("Near 0.")
        .otherwise(
            "From 50 % on and growing, an alert opens a ticket. Above 100 %, an alert pages. Check \
             whether workers run, are too slow, or fail.",
        )
        .runbook("WorkerQueueStalled")
        .runbook("WorkerQueueGrowing")
        .unit(Unit::Part)
        .orange_from(limits::QUEUE_BUDGET_RATIO)
        .red_from(limits::FULLY_USED)
        .shows(Target::new(
            legend("").trim_end(),
            format!("{age} / {budget}"),
        ))
}

fn readable() -> Panel {
    let up = promql::min(QUEUE, selected(&catalog::WORKER_QUEUE_UP));
    Panel::stat("Queue is readable")
        .means(
            "Whether the last attempt to read the store succeeded. If not, the ages and depths \
             have no value.",
        )
        .normally("Yes.")
        .otherwise(
            "No: the amount of waiting work is unknown. The store is unreachable, or a migration \
             is missing.",
        )
        .runbook("WorkerQueueUnreadable")
        .runbook("WorkerQueueUnwatched")
        .unit(Unit::YesNo)
        .red_below(limits::AT_LEAST_ONE)
        .no_value("no queue")
        .shows(Target::new(legend("").trim_end(), up))
}

fn waiting() -> Panel {
    let ready = selected(&catalog::WORKER_QUEUE_DEPTH).is("status", "ready");
    Panel::stat("Waiting")
        .means("Jobs that are due and that no worker has taken, of all chosen queues together.")
        .normally("Varies, and returns to 0.")
        .otherwise(
            "A large number alone is not a problem. The age of the oldest job shows whether work \
             is late.",
        )
        .runbook("WorkerQueueGrowing")
        .unit(Unit::Count)
        .no_value("no queue")
        .shows(Target::new(
            "Waiting",
            promql::sum(&[], promql::max(&service_labels(&["queue"]), ready)),
        ))
}

fn dead_lettered() -> Panel {
    let dead = selected(&catalog::WORKER_TASKS).is("outcome", "dead_lettered");
    Panel::stat("Dead-lettered")
        .means(
            "Jobs within the time range that failed at their last attempt, of all chosen queues \
             together. They are not retried without an operator.",
        )
        .normally("0.")
        .otherwise(
            "The table of failures shows the errors. Fix the cause, then requeue the jobs: they \
             are in the store, in the state `dead_lettered`.",
        )
        .runbook("WorkerDeadLetters")
        .unit(Unit::Count)
        .red_from(limits::ABOVE_ZERO)
        .shows(
            Target::new("Dead-lettered", query::or_zero(query::in_range(&[], &dead))).in_trouble(),
        )
}

fn accepted_to_done_now() -> Panel {
    let time = selected(&catalog::WORKER_TASK_ACCEPTED_TO_DONE);
    Panel::stat("Accepted to done, p99")
        .means(
            "How long it takes from `202 Accepted` until the work is done: waiting, all attempts, \
             and the pauses between them. Of several queues, the slowest.",
        )
        .normally("Within the time that clients expect.")
        .otherwise("Long waits: there are too few workers. Many retries: attempts fail.")
        .runbook("WorkerQueueStalled")
        .unit(Unit::Seconds)
        .no_value("no jobs")
        .shows(Target::new(
            "p99",
            promql::max(&[], query::quantile(0.99, QUEUE, &time)),
        ))
}

fn succeeding() -> Panel {
    let all = selected(&catalog::WORKER_TASKS);
    Panel::stat("Attempts that succeed")
        .means("The part of attempts that succeeded. Of several queues, the smallest.")
        .normally("100 %, or slightly less if a dependency is unreliable.")
        .otherwise("Find the kind that fails in the table of failures.")
        .runbook("WorkerDeadLetters")
        .unit(Unit::Part)
        .no_value("no jobs")
        .shows(Target::new(
            "Succeeded",
            promql::min(
                &[],
                query::ratio(QUEUE, &all.clone().is("outcome", "ok"), &all),
            ),
        ))
}

fn queues() -> Row {
    Row::new("Which queue, and since when?")
        .line([age_of_budget("$queue"), ages(), depth()])
        .line([flow(), outcomes()])
}

fn ages() -> Panel {
    let longest = |metric| query::top(10, promql::max(QUEUE, selected(metric)));
    Panel::timeseries("Oldest job")
        .means("How long the oldest job has waited since it was due, and how long it may.")
        .normally("A sawtooth near 0.")
        .otherwise(
            "Rises by a second per second: no worker takes jobs from that queue. A line without a \
             budget: no worker declares that queue.",
        )
        .runbook("WorkerQueueStalled")
        .runbook("WorkerQueueUnknown")
        .unit(Unit::Seconds)
        .shows(Target::new(
            legend("").trim_end(),
            longest(&catalog::WORKER_QUEUE_OLDEST_AGE),
        ))
        .shows(Target::new(
            &legend("budget"),
            longest(&catalog::WORKER_QUEUE_LATENCY_BUDGET),
        ))
        .shades("budget", Color::Purple)
}

fn depth() -> Panel {
    // All instances read the same store, so a sum would count each job several times.
    let depth = promql::max(
        &service_labels(&["queue", "status"]),
        selected(&catalog::WORKER_QUEUE_DEPTH),
    );
    Panel::stack("Jobs in the store")
        .means(
            "Jobs by state, of all chosen queues together: ready, scheduled for later, running, \
             waiting for a retry, stuck with a worker that is gone, dead-lettered.",
        )
        .normally("`ready` returns to 0; `running` is at most the number of workers.")
        .otherwise(
            "`retry` grows: attempts fail. `dead_lettered` grows: last attempts fail. `stuck` is \
             not 0: no worker runs these jobs and none will take them; find out which worker was \
             killed.",
        )
        .runbook("WorkerQueueGrowing")
        .runbook("WorkerJobsStuck")
        .unit(Unit::Count)
        .shows(Target::new("{{status}}", promql::sum(&["status"], depth)))
        .color("ready", Color::Blue)
        .color("scheduled", Color::Purple)
        .color("running", Color::Green)
        .color("retry", Color::Yellow)
        .color("stuck", Color::Orange)
        .color("dead_lettered", Color::Red)
}

fn flow() -> Panel {
    let rate = |counter: &Selector| query::or_zero_each(query::per_second(QUEUE, counter));
    Panel::timeseries("In and out")
        .means("Jobs per second that are stored, and that are done or dead-lettered, by queue.")
        .normally("Both rates are equal on average.")
        .otherwise(
            "In above out: the queue grows. Out at 0: no worker runs, or all workers wait for \
             something.",
        )
        .runbook("WorkerQueueGrowing")
        .unit(Unit::OperationsPerSecond)
        .shows(Target::new(
            &legend("in"),
            rate(&selected(&catalog::WORKER_TASKS_ENQUEUED)),
        ))
        .shows(Target::new(
            &legend("out"),
            rate(&selected(&catalog::WORKER_TASKS).matches("outcome", "ok|dead_lettered")),
        ))
        .shades("in", Color::Blue)
        .shades("out", Color::Green)
}

fn outcomes() -> Panel {
    let attempts = query::per_second(&["outcome"], &selected(&catalog::WORKER_TASKS));
    Panel::stack("Attempts by outcome")
        .means(
            "Attempts per second that succeeded, will be tried again, or were the last, of all \
             chosen queues together.",
        )
        .normally("`ok` is nearly all.")
        .otherwise("`retry` delays a job, `dead_lettered` ends it. See the table of failures.")
        .runbook("WorkerDeadLetters")
        .runbook("WorkerAttemptsFailing")
        .unit(Unit::OperationsPerSecond)
        .shows(Target::new("{{outcome}}", attempts))
        .color("ok", Color::Green)
        .color("retry", Color::Orange)
        .color("dead_lettered", Color::Red)
}

fn times() -> Row {
    Row::new("How long do waits and attempts take?").line([
        time(
            "Wait for the first attempt",
            &catalog::WORKER_TASK_WAIT,
            "More workers shorten this wait. It does not include the pauses before retries.",
        ),
        time(
            "Duration of attempts",
            &catalog::WORKER_TASK_RUN,
            "More workers do not shorten attempts. Click on a dot to open its trace.",
        ),
        time(
            "Accepted to done",
            &catalog::WORKER_TASK_ACCEPTED_TO_DONE,
            "Compare with the other two graphs: the sum includes the wait, all attempts, and the \
             pauses between them.",
        ),
    ])
}

fn time(title: &str, metric: &catalog::Metric, otherwise: &str) -> Panel {
    let quantile = |q| query::top(10, query::quantile(q, KIND, &selected(metric)));
    Panel::timeseries(title)
        .means(
            "How long it takes, by kind of job: half are faster than p50, 99 of 100 faster than \
             p99.",
        )
        .normally("Each kind has its level.")
        .otherwise(otherwise)
        .runbook("WorkerQueueStalled")
        .unit(Unit::Seconds)
        .shows(Target::new(&legend("{{kind}} p50"), quantile(0.5)))
        .shows(Target::new(&legend("{{kind}} p99"), quantile(0.99)))
}

fn failures() -> Row {
    Row::new("Which jobs fail?").line([failed(), slowest()])
}

fn failed() -> Panel {
    let by = &service_labels(&["queue", "kind", "outcome", "error_type"]);
    let failed = selected(&catalog::WORKER_TASKS).is_not("outcome", "ok");
    Panel::table("Failures")
        .means("Attempts within the time range that failed, by kind and by the type of the error.")
        .normally("No rows, or a few retries.")
        .otherwise(
            "Search the log for the kind and the error. The log line has the id of the trace, and \
             the trace leads to the request that sent the job.",
        )
        .runbook("WorkerDeadLetters")
        .runbook("WorkerAttemptsFailing")
        .by_service()
        .by("queue", "Queue")
        .by("kind", "Kind")
        .by("outcome", "Outcome")
        .by("error_type", "Error")
        .column(Column::new("Attempts", Unit::Count, query::in_range(by, &failed)).in_trouble())
}

fn slowest() -> Panel {
    let by = KIND;
    let run = selected(&catalog::WORKER_TASK_RUN);
    let (busy, runs) = (
        query::per_second(by, &run.clone().sum()),
        query::per_second(by, &run.clone().count()),
    );
    Panel::table("Kinds of jobs")
        .means(
            "What workers spend their time on: busy is seconds per second, the number of workers \
             that a kind keeps busy.",
        )
        .normally("The first rows are the same every day.")
        .otherwise(
            "A kind that keeps all workers busy delays the others: give it a queue of its own.",
        )
        .runbook("WorkerQueueStalled")
        .by_service()
        .by("queue", "Queue")
        .by("kind", "Kind")
        .column(Column::new("Busy", Unit::Seconds, busy.clone()))
        .column(Column::new(
            "Attempts",
            Unit::OperationsPerSecond,
            runs.clone(),
        ))
        .column(Column::new(
            "Mean",
            Unit::Seconds,
            format!("{busy} / ({runs} > 0)"),
        ))
        .column(Column::new(
            "p99",
            Unit::Seconds,
            query::quantile(0.99, by, &run),
        ))
}
