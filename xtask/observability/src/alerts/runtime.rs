//! The runtime and the process: what a service needs to run at all.

pub(super) mod alert_tests;

use firstlight::metrics::catalog::{
    CGROUP_MEMORY_LIMIT, PROCESS_MAX_FDS, PROCESS_OPEN_FDS, PROCESS_RESIDENT_MEMORY,
    TOKIO_SCHEDULER_DELAY, TOKIO_SCHEDULER_STALLED,
};

use super::{alert::Alert, board::Board, group::Group, recording::Record};
use crate::{
    limits::{MEMORY_PART, OPEN_FILES_PART, WAIT_PART},
    promql::{Selector, counted_quantile, max, of_service, on_service, ours},
};

const INSTANCE: [&str; 1] = ["instance"];
const DELAY: &str = "instance:tokio_scheduler_delay_seconds:p99_5m";

pub(super) fn counts() -> [Record; 1] {
    let delay = Selector::of(&TOKIO_SCHEDULER_DELAY);
    [Record::as_(DELAY).of(&[&counted_quantile(
        0.99,
        &of_service(&INSTANCE),
        &delay,
        "5m",
    )])]
}

pub(super) fn group() -> Group {
    Group::new("firstlight-runtime").alerts([
        scheduler_delay(),
        memory_near_limit(),
        open_files_near_limit(),
    ])
}

fn scheduler_delay() -> Alert {
    let stalled = max(
        &of_service(&INSTANCE),
        Selector::of(&TOKIO_SCHEDULER_STALLED),
    );
    let limit = format!(
        "> {} group_left () {WAIT_PART} * slo:latency:objective_seconds",
        on_service(&[])
    );
    Alert::ticket("RuntimeSchedulerDelay")
        .because("Something blocks, and everything else on the runtime waits for it, too long beside the seconds within which the service promises to answer. A delay is counted when it is over, so the one that goes on is asked for as well.")
        .when(&[
            &format!("{DELAY} {limit}"),
            &format!("or {}", on_service(&INSTANCE)),
            &format!("{stalled} {limit}"),
        ])
        .lasting("5m")
        .summary("Tasks wait for a thread of the runtime.")
        .description("Tasks of {{ $labels.instance }} of {{ $labels.job }} wait {{ $value | humanizeDuration }} for their turn.")
        .on(Board::Runtime)
}

fn memory_near_limit() -> Alert {
    let memory = Selector::of(&PROCESS_RESIDENT_MEMORY);
    let limit = Selector::of(&CGROUP_MEMORY_LIMIT);
    Alert::ticket("ProcessMemoryNearLimit")
        .because("At the limit the kernel kills the process, and every request in it with it.")
        .when(&[&format!("{memory} / {limit} > {MEMORY_PART}")])
        .lasting("10m")
        .summary("A process is about to be killed for its memory.")
        .description("{{ $labels.instance }} of {{ $labels.job }} uses {{ $value | humanizePercentage }} of its memory limit.")
        .on(Board::Runtime)
}

fn open_files_near_limit() -> Alert {
    let open = Selector::of(&PROCESS_OPEN_FDS);
    let limit = Selector::of(&PROCESS_MAX_FDS);
    Alert::ticket("ProcessOpenFilesNearLimit")
        .because("At the limit no connection is accepted and none is made. Exporters and Prometheus have this metric too; a build_info with a version of firstlight is ours.")
        .when(&[
            &format!("{open} / {limit} > {OPEN_FILES_PART}"),
            &format!("and {}", on_service(&INSTANCE)),
            &ours().to_string(),
        ])
        .lasting("10m")
        .summary("A process is about to run out of file descriptors.")
        .description("{{ $labels.instance }} of {{ $labels.job }} has {{ $value | humanizePercentage }} of its file descriptors open.")
        .on(Board::Runtime)
}
