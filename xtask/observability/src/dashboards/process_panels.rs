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
    Row::new("Does the process run out of resources?")
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
        .means("Processors in use, by instance; 1 is one processor that is always busy.")
        .normally("Follows the number of requests.")
        .otherwise(
            "Rises without more requests: a loop, or too many log lines; profile the process. At \
             the processor quota, the scheduler delay rises as well.",
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
            "Memory in RAM and mapped address space of each instance, and its memory limit; 0 \
             means no limit.",
        )
        .normally(
            "Memory in RAM is constant after an hour of load. Mapped address space is large, and \
             needs no RAM.",
        )
        .otherwise(
            "Memory in RAM grows for days: a leak. Compare two heap profiles, or bisect the \
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
            "The number of files follows the number of connections. Threads are those of the \
             runtime, and those for blocking calls.",
        )
        .otherwise(
            "The number of threads grows: blocking calls pile up, at most 512 in one runtime.",
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
        .normally("All processes have run since the last deploy.")
        .otherwise("A sawtooth: a process restarts again and again.")
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
            "A process that restarts again and again is killed because of its memory, or panics \
             during startup: read its last log lines.",
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
        .normally("Constant, and below 75 %.")
        .otherwise(
            "Above the line, an OOM kill is likely. Memory that only grows is a leak. Until it is \
             fixed, restart one instance at a time.",
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
        .normally("Below 50 %.")
        .otherwise(
            "Above the line, new connections will soon be refused. If connections are never \
             closed, look for a client without an idle timeout.",
        )
        .runbook("ProcessOpenFilesNearLimit")
        .unit(Unit::Part)
        .red_from(limits::OPEN_FILES_RATIO)
        .shows(Target::new(
            &fullest(by),
            worst(by, format!("{open} / {most}")),
        ))
}
