//! The dashboard `firstlight: runtime and telemetry`.

use firstlight::metrics::catalog;

use super::{
    Color, Dashboard, Panel, Row, Target, Unit,
    objectives::Objective,
    overview,
    process_panels::{self, legend},
    query::{self, INSTANCE, worst},
    telemetry,
};
use crate::{
    limits,
    promql::{self, SERVICE, Selector, on_service, service_labels},
};

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new(
        "runtime",
        "firstlight: runtime and telemetry",
        "Is the process itself the cause, and is its telemetry complete?",
        &Selector::of(&catalog::BUILD_INFO),
    )
    .row(now())
    .row(runtime())
    .row(process_panels::row())
    .row(telemetry::health())
    .row(telemetry::metrics())
}

fn now() -> Row {
    Row::new("Is the process itself the cause?").line([
        overview::instances(),
        process_panels::restarts(),
        delay_now(),
        process_panels::memory(Panel::stat("Memory, of its limit"), &[]),
        process_panels::open_files(Panel::stat("Open files, of their limit"), &[]),
        telemetry::lost(),
    ])
}

fn delay_now() -> Panel {
    let delay = query::selected(&catalog::TOKIO_SCHEDULER_DELAY);
    let delay = query::quantile(0.99, INSTANCE, &delay);
    let part = format!(
        "{delay} / {} group_left () {}",
        on_service(&[]),
        Objective::seconds()
    );
    Panel::stat("Scheduler delay, of objective")
        .means(
            "How long a task that is ready to run waits for a thread, at the 99th percentile, as a \
             part of the latency objective of the service. Of several instances, the longest. A \
             request may wait this long at every `.await`.",
        )
        .normally("Below 1 %.")
        .otherwise(
            "Something blocks the runtime: computation, or a blocking call outside of \
             `spawn_blocking`.",
        )
        .runbook("RuntimeSchedulerDelay")
        .unit(Unit::Part)
        .red_from(limits::WAIT_RATIO)
        .no_value("no delay, or no rules")
        .shows(Target::new("p99", worst(&[], part)))
}

fn runtime() -> Row {
    Row::new("Does the runtime keep up?")
        .line([delays(), delay_spread(), stalled()])
        .line([busy(), tasks(), parks()])
}

fn delays() -> Panel {
    let delay = query::selected(&catalog::TOKIO_SCHEDULER_DELAY);
    let delay = |q| worst(&SERVICE, query::quantile(q, INSTANCE, &delay));
    Panel::timeseries("Scheduler delay")
        .means(
            "How long a task that is ready to run waits for a thread, measured ten times a second, \
             and the wait from which on an alert opens a ticket. Of several instances of a \
             service, the longest.",
        )
        .normally("p99 is below a millisecond on a machine that is not fully loaded.")
        .otherwise(
            "Only p99 rises: short blocking calls. p50 rises as well: all threads of the runtime \
             are busy, or the processor is throttled.",
        )
        .runbook("RuntimeSchedulerDelay")
        .unit(Unit::Seconds)
        .shows(Target::new(&query::legend("p50"), delay(0.5)))
        .shows(Target::new(&query::legend("p99"), delay(0.99)))
        .shows(Target::new(
            &query::legend("ticket from"),
            query::wait_limit(),
        ))
        .shades("ticket from", Color::Purple)
}

fn delay_spread() -> Panel {
    Panel::heatmap("Scheduler delay, spread")
        .means("The distribution of the waits of measured tasks, of all instances together.")
        .normally("One bright band at the bottom.")
        .otherwise(
            "A thin band far above: rare, long blocking calls. Profile the process while they \
             occur.",
        )
        .runbook("RuntimeSchedulerDelay")
        .unit(Unit::Seconds)
        .shows(Target::new(
            "{{le}}",
            query::buckets(&query::selected(&catalog::TOKIO_SCHEDULER_DELAY)),
        ))
}

fn stalled() -> Panel {
    let stalled = worst(
        INSTANCE,
        query::selected(&catalog::TOKIO_SCHEDULER_STALLED).to_string(),
    );
    Panel::timeseries("Runtime stalled")
        .means("For how long the runtime has run no task that was woken.")
        .normally("0.")
        .otherwise("Rises by a second per second: the runtime is blocked, and serves no requests.")
        .runbook("RuntimeSchedulerDelay")
        .unit(Unit::Seconds)
        .shows(Target::new(&legend(""), stalled))
        .shows(Target::new(
            &query::legend("ticket from"),
            query::wait_limit(),
        ))
        .shades("ticket from", Color::Purple)
}

pub(super) fn busy() -> Panel {
    let busy = query::selected(&catalog::TOKIO_WORKER_BUSY_SECONDS);
    let each = promql::sum(
        &service_labels(&["instance", "worker"]),
        promql::rate(&busy, query::WINDOW),
    );
    let workers = promql::max(INSTANCE, query::selected(&catalog::TOKIO_WORKERS));
    let mean = format!("{} / {workers}", query::per_second(INSTANCE, &busy));
    Panel::timeseries("Runtime busy")
        .means(
            "The part of the time that the threads of an instance's runtime are busy: the mean of \
             the busiest instance of each service, and its busiest thread.",
        )
        .normally("Below 75 %, and the busiest thread is not far above the mean.")
        .otherwise(
            "All threads busy: add processors, or reduce the work. One thread far above the \
             others, or no busy thread while requests hang: a call blocks the runtime.",
        )
        .runbook("RuntimeSchedulerDelay")
        .unit(Unit::Part)
        .shows(Target::new(&query::legend("mean"), worst(&SERVICE, mean)))
        .shows(Target::new(
            &query::legend("busiest"),
            worst(&SERVICE, each),
        ))
        .leads_to("Open the runtime", "firstlight-runtime", "")
}

fn tasks() -> Panel {
    let each = |metric| worst(INSTANCE, query::selected(metric).to_string());
    Panel::timeseries("Tasks")
        .means(
            "Tasks of each instance that have not ended, those of them that no worker has taken \
             yet, and the threads that run them.",
        )
        .normally("Alive follows the number of connections. Waiting is 0.")
        .otherwise(
            "Alive only grows: tasks are spawned and never end. Waiting grows: more tasks are \
             spawned than can run.",
        )
        .runbook("RuntimeSchedulerDelay")
        .unit(Unit::Count)
        .shows(Target::new(
            &legend("alive"),
            each(&catalog::TOKIO_ALIVE_TASKS),
        ))
        .shows(Target::new(
            &legend("waiting"),
            each(&catalog::TOKIO_GLOBAL_QUEUE_DEPTH),
        ))
        .shows(Target::new(
            &legend("threads"),
            each(&catalog::TOKIO_WORKERS),
        ))
}

fn parks() -> Panel {
    let parks = query::per_second(INSTANCE, &query::selected(&catalog::TOKIO_WORKER_PARK));
    Panel::timeseries("Runtime parks")
        .means("How often per second a thread of the runtime had no task to run and parked.")
        .normally("Often: the runtime has spare capacity.")
        .otherwise(
            "Near 0 under load: all threads are busy at all times. Near 0 without load: the runtime \
             is blocked.",
        )
        .runbook("RuntimeSchedulerDelay")
        .unit(Unit::EventsPerSecond)
        .shows(Target::new(&legend(""), query::top(10, parks)))
}
