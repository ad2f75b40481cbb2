//! The dashboard `firstlight: runtime and telemetry`.

use firstlight::metrics::catalog;

use super::{
    Color, Dashboard, Panel, Row, Target, Unit,
    objectives::Objective,
    overview,
    query::{self, INSTANCE, worst},
    telemetry,
};
use crate::{
    limits,
    promql::{self, SERVICE, Selector, on_service, service_labels},
};

/// The legend of a process's series.
fn legend(series: &str) -> String {
    let name = query::legend(&format!("{{{{instance}}}} {series}"));
    name.trim_end().to_owned()
}

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new(
        "runtime",
        "firstlight: runtime and telemetry",
        "Is it the process itself, and can what it reports be trusted?",
        &Selector::of(&catalog::BUILD_INFO),
    )
    .row(now())
    .row(runtime())
    .row(process())
    .row(telemetry::health())
    .row(telemetry::metrics())
}

fn now() -> Row {
    Row::new("Is it the process itself?").line([
        overview::instances(),
        restarts(),
        delay_now(),
        memory(Panel::stat("Memory, of its limit"), &[]),
        open_files(Panel::stat("Open files, of their limit"), &[]),
        telemetry::lost(),
    ])
}

fn restarts() -> Panel {
    let changes = promql::sum(
        &[],
        query::firstlight_only(format!(
            "changes({}[$__range])",
            query::selected(&catalog::PROCESS_START_TIME)
        )),
    );
    Panel::stat("Restarts")
        .means(
            "How often processes started again within the time range, under the same instance; of \
             all instances together.",
        )
        .normally("0; a deploy usually brings new instances.")
        .otherwise(
            "A process that starts again and again is killed for its memory, or panics at its \
             start: read its last log lines.",
        )
        .runbook("ServiceDown")
        .unit(Unit::Count)
        .shows(Target::new("Restarts", changes))
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
        .normally("Below a hundredth.")
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

fn memory(panel: Panel, by: &[&str]) -> Panel {
    let (used, limit) = (
        query::firstlight_only(query::selected(&catalog::PROCESS_RESIDENT_MEMORY)),
        query::selected(&catalog::CGROUP_MEMORY_LIMIT),
    );
    panel
        .means(
            "Memory in RAM as a part of the control group's limit. Of several instances, the fullest. \
             The value is 0 where there is no limit.",
        )
        .normally("Level, below three quarters.")
        .otherwise(
            "At the line an OOM kill is near. A climb that never ends is a leak. Until it is fixed, \
             restart one instance at a time.",
        )
        .runbook("ProcessMemoryNearLimit")
        .unit(Unit::Part)
        .red_from(limits::MEMORY_RATIO)
        .shows(Target::new(
            &fullest(by),
            worst(by, format!("{used} / {limit} or 0 * {used}")),
        ))
}

/// The legend of the fullest instance of each service.
///
/// If `by` is empty, it is the fullest instance of all services.
fn fullest(by: &[&str]) -> String {
    if by.is_empty() {
        "Fullest".to_owned()
    } else {
        query::SERVICE_LEGEND.to_owned()
    }
}

pub(super) fn memory_part() -> Panel {
    memory(Panel::timeseries("Memory, of its limit"), &SERVICE).leads_to(
        "Open the runtime",
        "firstlight-runtime",
        "",
    )
}

fn open_files(panel: Panel, by: &[&str]) -> Panel {
    let (open, most) = (
        query::firstlight_only(query::selected(&catalog::PROCESS_OPEN_FDS)),
        query::selected(&catalog::PROCESS_MAX_FDS),
    );
    panel
        .means(
            "File descriptors in use as a part of those that the process may have; every \
             connection is one. Of several instances, the fullest.",
        )
        .normally("Below a half.")
        .otherwise(
            "At the line connections are refused soon. Connections that are never closed: look for a \
             client without an idle timeout.",
        )
        .runbook("ProcessOpenFilesNearLimit")
        .unit(Unit::Part)
        .red_from(limits::OPEN_FILES_RATIO)
        .shows(Target::new(&fullest(by), worst(by, format!("{open} / {most}"))))
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
        .normally("p99 below a millisecond on a machine that is not full.")
        .otherwise(
            "p99 alone: something blocks for a moment now and then. p50 as well: the workers are \
             all busy, or the processor is throttled.",
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
        .means("How many measured tasks waited for how long, of all instances together.")
        .normally("One bright band at the bottom.")
        .otherwise(
            "A thin band far above: rare, long blocks. Profile the process while it is there.",
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
    Panel::timeseries("Runtime does not answer")
        .means("For how long the runtime has run no task that was woken.")
        .normally("0.")
        .otherwise(
            "A line that climbs a second per second is a runtime that is blocked right now, and \
             answers nothing.",
        )
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
        .normally("Below three quarters, the busiest not far above the mean.")
        .otherwise(
            "All busy: more processors, or less work. One far above the rest, or none at all \
             while requests hang: something blocks it.",
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
        .normally("Alive follows the connections; waiting is 0.")
        .otherwise(
            "Alive grows without end: tasks are spawned and never end. Waiting grows: more is \
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

fn process() -> Row {
    Row::new("Does the process have what it needs?")
        .line([
            processor(),
            bytes(),
            memory(
                Panel::timeseries("Memory, of its limit, over time"),
                &SERVICE,
            ),
        ])
        .line([
            open_files(
                Panel::timeseries("Open files, of their limit, over time"),
                &SERVICE,
            ),
            files(),
            age(),
        ])
}

pub(super) fn processor() -> Panel {
    let rate = promql::rate(
        &query::selected(&catalog::PROCESS_CPU_SECONDS),
        query::WINDOW,
    );
    let used = promql::sum(INSTANCE, query::firstlight_only(rate));
    Panel::timeseries("Processor")
        .means("Processors in use, by instance: 1 is one that is never idle.")
        .normally("It follows the requests.")
        .otherwise(
            "It rises alone: a loop, or a flood of log lines; profile it. At its quota the \
             scheduler delay rises with it.",
        )
        .runbook("RuntimeSchedulerDelay")
        .unit(Unit::Count)
        .shows(Target::new(&legend(""), query::top(10, used)))
        .leads_to("Open the runtime", "firstlight-runtime", "")
}

fn bytes() -> Panel {
    let limit = query::selected(&catalog::CGROUP_MEMORY_LIMIT);
    let used = query::firstlight_only(query::selected(&catalog::PROCESS_RESIDENT_MEMORY));
    let mapped = query::firstlight_only(query::selected(&catalog::PROCESS_VIRTUAL_MEMORY));
    Panel::timeseries("Memory")
        .means(
            "Memory in RAM of each instance, address space that is mapped, and its limit; a limit \
             of 0 is none.",
        )
        .normally("Level after an hour of load. Mapped is large and costs nothing.")
        .otherwise(
            "In RAM climbs for days: a leak. Compare the heap of two moments, or bisect the \
             deploys.",
        )
        .runbook("ProcessMemoryNearLimit")
        .unit(Unit::Bytes)
        .shows(Target::new(
            &legend("in RAM"),
            worst(INSTANCE, used.clone()),
        ))
        .shows(Target::new(&legend("mapped"), worst(INSTANCE, mapped)))
        .shows(Target::new(
            &legend("limit"),
            worst(INSTANCE, format!("{limit} or 0 * {used}")),
        ))
        .shades("limit", Color::Purple)
}

fn files() -> Panel {
    Panel::timeseries("Open files and threads")
        .means("File descriptors in use, and threads of the operating system, by instance.")
        .normally(
            "Files follow the connections; threads are those of the runtime, and those that block.",
        )
        .otherwise(
            "Threads that climb are blocking calls that pile up, 512 at most in one runtime.",
        )
        .runbook("ProcessOpenFilesNearLimit")
        .unit(Unit::Count)
        .shows(Target::new(
            &legend("files"),
            worst(
                INSTANCE,
                query::firstlight_only(query::selected(&catalog::PROCESS_OPEN_FDS)),
            ),
        ))
        .shows(Target::new(
            &legend("threads"),
            worst(
                INSTANCE,
                query::firstlight_only(query::selected(&catalog::PROCESS_THREADS)),
            ),
        ))
}

fn age() -> Panel {
    let started = promql::max(
        INSTANCE,
        query::firstlight_only(query::selected(&catalog::PROCESS_START_TIME)),
    );
    Panel::timeseries("Time since the start")
        .means("How long each process has run; of many, the ten youngest.")
        .normally("Lines that climb together since the last deploy.")
        .otherwise("A sawtooth is a process that is restarted again and again.")
        .runbook("ServiceDown")
        .unit(Unit::Seconds)
        .shows(Target::new(
            &legend(""),
            format!("bottomk(10, time() - {started})"),
        ))
}
