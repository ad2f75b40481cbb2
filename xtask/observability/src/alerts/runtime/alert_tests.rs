//! Runtimes that are blocked, and processes that reach their limits.

use crate::alerts::alert_test::AlertTest;

const STALLED: &str = r#"tokio_scheduler_stalled_seconds{job="orders",instance="a"}"#;
const QUICK: &str = r#"tokio_scheduler_delay_seconds_bucket{job="orders",instance="a",le="0.1"}"#;
const SLOW: &str = r#"tokio_scheduler_delay_seconds_bucket{job="orders",instance="a",le="0.25"}"#;
const ALL: &str = r#"tokio_scheduler_delay_seconds_bucket{job="orders",instance="a",le="+Inf"}"#;
const TARGET: &str = r#"job="orders",instance="a""#;
const A: [(&str, &str); 2] = [("job", "orders"), ("instance", "a")];

pub(in super::super) fn all() -> Vec<AlertTest> {
    vec![
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
            "late, where ten seconds are promised",
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
        AlertTest::of("ProcessMemoryNearLimit", "it grows")
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
        AlertTest::of("ProcessOpenFilesNearLimit", "they are not closed")
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
            "an exporter's are none of ours",
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
