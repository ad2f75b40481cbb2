//! Alerts on the async runtime and the process: blocked tasks, memory, files.

use firstlight::metrics::catalog::{
    CGROUP_MEMORY_LIMIT, PROCESS_MAX_FDS, PROCESS_OPEN_FDS, PROCESS_RESIDENT_MEMORY,
    TOKIO_SCHEDULER_DELAY, TOKIO_SCHEDULER_STALLED,
};

use super::{alert::Alert, board::Board, group::Group, recording::Record};
use crate::{
    limits::{MEMORY_RATIO, OPEN_FILES_RATIO, WAIT_RATIO},
    promql::{Selector, counted_quantile, firstlight_build_info, max, on_service, service_labels},
};

const INSTANCE: [&str; 1] = ["instance"];
const DELAY: &str = "instance:tokio_scheduler_delay_seconds:p99_5m";

pub(super) fn counts() -> [Record; 1] {
    let delay = Selector::of(&TOKIO_SCHEDULER_DELAY);
    [Record::named(DELAY).expr(&[&counted_quantile(
        0.99,
        &service_labels(&INSTANCE),
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
        &service_labels(&INSTANCE),
        Selector::of(&TOKIO_SCHEDULER_STALLED),
    );
    let limit = format!(
        "> {} group_left () {WAIT_RATIO} * slo:latency:objective_seconds",
        on_service(&[])
    );
    Alert::ticket("RuntimeSchedulerDelay")
        .because("A task blocks a thread, and other tasks wait for too long compared with the latency objective. A delay is counted when it ends, so the rule also checks the current one.")
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
        .because("At the limit the kernel kills the process, and all of its requests fail.")
        .when(&[&format!("{memory} / {limit} > {MEMORY_RATIO}")])
        .lasting("10m")
        .summary("A process is about to be killed for its memory.")
        .description("{{ $labels.instance }} of {{ $labels.job }} uses {{ $value | humanizePercentage }} of its memory limit.")
        .on(Board::Runtime)
}

fn open_files_near_limit() -> Alert {
    let open = Selector::of(&PROCESS_OPEN_FDS);
    let limit = Selector::of(&PROCESS_MAX_FDS);
    Alert::ticket("ProcessOpenFilesNearLimit")
        .because("At the limit the process can neither accept nor open a connection. Exporters and Prometheus export this metric as well, so only processes with firstlight_version in their build_info are included.")
        .when(&[
            &format!("{open} / {limit} > {OPEN_FILES_RATIO}"),
            &format!("and {}", on_service(&INSTANCE)),
            &firstlight_build_info().to_string(),
        ])
        .lasting("10m")
        .summary("A process is about to run out of file descriptors.")
        .description("{{ $labels.instance }} of {{ $labels.job }} has {{ $value | humanizePercentage }} of its file descriptors open.")
        .on(Board::Runtime)
}

/// Tests of alerts on blocked runtimes and on processes near their limits.
pub(super) mod alert_tests {
    use crate::alerts::alert_test::AlertTest;

    const STALLED: &str = r#"tokio_scheduler_stalled_seconds{job="orders",instance="a"}"#;
    const QUICK: &str =
        r#"tokio_scheduler_delay_seconds_bucket{job="orders",instance="a",le="0.1"}"#;
    const SLOW: &str =
        r#"tokio_scheduler_delay_seconds_bucket{job="orders",instance="a",le="0.25"}"#;
    const ALL: &str =
        r#"tokio_scheduler_delay_seconds_bucket{job="orders",instance="a",le="+Inf"}"#;
    const TARGET: &str = r#"job="orders",instance="a""#;
    const A: [(&str, &str); 2] = [("job", "orders"), ("instance", "a")];

    pub(in super::super) fn all() -> Vec<AlertTest> {
        vec![
            // One tenth of the wake-ups take between 0.1 and 0.25 s, so the 99th percentile is 0.1 s + 0.9 * 0.15 s.
            AlertTest::of("RuntimeSchedulerDelay", "every tenth wake-up is late")
                .process(TARGET, 0, "Vx90")
                .series(QUICK, "0+600x10 6540+600x19 17940+540x30 34140+600x30")
                .series(SLOW, "0+600x90")
                .series(ALL, "0+600x90")
                .transient(12)
                .fires(50, &A, "Tasks of a of orders wait 235ms for their turn.")
                .resolved(75),
            AlertTest::of(
                "RuntimeSchedulerDelay",
                "every tenth wake-up is late, with an objective of 10 s",
            )
            .process(TARGET, 0, "Vx60")
            .series(
                r#"slo:latency:declared_objective_seconds{job="orders",le="10"}"#,
                "10x60",
            )
            .series(QUICK, "0+540x60")
            .series(SLOW, "0+600x60")
            .series(ALL, "0+600x60")
            .transient(50),
            AlertTest::of("RuntimeSchedulerDelay", "a stall that does not end")
                .process(TARGET, 0, "Vx60")
                .series(STALLED, "0x10 2 0x19 60+60x20 0x20")
                .transient(11)
                .fires(40, &A, "Tasks of a of orders wait 9m 0s for their turn.")
                .resolved(55),
            AlertTest::of("ProcessMemoryNearLimit", "memory grows")
                .series(
                    r#"cgroup_memory_limit_bytes{job="orders",instance="a"}"#,
                    "1000x60",
                )
                .series(
                    r#"process_resident_memory_bytes{job="orders",instance="a"}"#,
                    "500x10 950x5 500x14 950x20 500x20",
                )
                .transient(15)
                .fires(45, &A, "a of orders uses 95% of its memory limit.")
                .resolved(55),
            AlertTest::of("ProcessOpenFilesNearLimit", "files are not closed")
                .process(TARGET, 0, "Vx60")
                .series(r#"process_max_fds{job="orders",instance="a"}"#, "1000x60")
                .series(
                    r#"process_open_fds{job="orders",instance="a"}"#,
                    "500x10 900x5 500x14 900x20 500x20",
                )
                .transient(15)
                .fires(45, &A, "a of orders has 90% of its file descriptors open.")
                .resolved(55),
            AlertTest::of(
                "ProcessOpenFilesNearLimit",
                "an exporter without firstlight",
            )
            .series(
                r#"build_info{job="node",instance="a",version="1.0.0"}"#,
                "1x60",
            )
            .series(r#"process_max_fds{job="node",instance="a"}"#, "1000x60")
            .series(r#"process_open_fds{job="node",instance="a"}"#, "900x60")
            .transient(45),
        ]
    }
}
