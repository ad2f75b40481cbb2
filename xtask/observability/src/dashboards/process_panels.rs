//! Panels of the process: its processor time, memory, files and age.

use firstlight::metrics::catalog;

use super::{
    Color, Panel, Row, Target, Unit,
    query::{self, INSTANCE, worst},
};
use crate::{
    limits,
    promql::{self, SERVICE},
};

/// The legend of a process's series.
pub(super) fn legend(series: &str) -> String {
    let name = query::legend(&format!("{{{{instance}}}} {series}"));
    name.trim_end().to_owned()
}

pub(super) fn row() -> Row {
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
            "The memory in RAM climbs for days: a leak. Compare the heap of two moments, or bisect \
             the deploys.",
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

pub(super) fn restarts() -> Panel {
    let changes = promql::sum(
        &[],
        query::firstlight_only(format!(
            "changes({}[$__range])",
            query::selected(&catalog::PROCESS_START_TIME)
        )),
    );
    Panel::stat("Restarts")
        .means(
            "Restarts of processes that kept the name of their instance, within the time range, of \
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

pub(super) fn memory(panel: Panel, by: &[&str]) -> Panel {
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

pub(super) fn open_files(panel: Panel, by: &[&str]) -> Panel {
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
            "Above the line, connections are soon refused. Connections that are never closed: look for a \
             client without an idle timeout.",
        )
        .runbook("ProcessOpenFilesNearLimit")
        .unit(Unit::Part)
        .red_from(limits::OPEN_FILES_RATIO)
        .shows(Target::new(&fullest(by), worst(by, format!("{open} / {most}"))))
}
