//! Alerts on schedules: missed runs, and too many runs at the same time.

use firstlight::metrics::catalog::{CRON_RUNNING, CRON_SUCCESS_DUE};

use super::{alert::Alert, board::Board, group::Group};
use crate::{
    limits::HERD_RUNS,
    promql::{SERVICE, Selector, min, service_labels, sum},
};

pub(super) fn group() -> Group {
    Group::new("firstlight-cron").alerts([run_missed(), thundering_herd()])
}

fn run_missed() -> Alert {
    let due = min(&service_labels(&["cron"]), Selector::of(&CRON_SUCCESS_DUE));
    Alert::ticket("CronRunMissed")
        .because("One run may fail, because the next one compensates for it. The due time follows the calendar of the schedule. It is counted across restarts, from the last success or, without one, from the first start. Replicas with a shared store export the same time. If each replica has its own store, the earliest time is used.")
        .when(&[&format!("time() - {due} > 0")])
        .lasting("1m")
        .summary("The last two due runs of a scheduled job did not succeed.")
        .description("{{ $labels.cron }} of {{ $labels.job }} should have succeeded {{ $value | humanizeDuration }} ago.")
        .on(Board::Cron)
}

fn thundering_herd() -> Alert {
    let running = sum(&SERVICE, Selector::of(&CRON_RUNNING));
    Alert::ticket("CronThunderingHerd")
        .because("Runs that start at the same time load the database at the same time. Schedules with a jitter prevent this.")
        .when(&[&format!("max_over_time({running}[10m:30s]) >= {HERD_RUNS}")])
        .lasting("1m")
        .summary("Scheduled jobs run all at once.")
        .description("{{ $value }} scheduled runs of {{ $labels.job }} were under way at the same time.")
        .on(Board::Cron)
}

/// Tests of alerts on missed runs and on concurrent runs.
pub(super) mod alert_tests {
    use crate::alerts::alert_test::AlertTest;

    const DUE: &str =
        r#"cron_success_due_timestamp_seconds{job="orders",instance="a",cron="rates"}"#;

    pub(in super::super) fn all() -> Vec<AlertTest> {
        let running =
            |cron: &str| format!(r#"cron_running{{job="orders",instance="a",cron="{cron}"}}"#);
        vec![
            // The schedule runs every ten minutes. The second run after a success starts 20 minutes
            // after it and is expected to take one minute, so a success is due after 21 minutes.
            // The run at minute 30 fails, and there is none between minutes 60 and 120.
            AlertTest::of("CronRunMissed", "an hour without a success")
                .series(DUE, "1260x9 1860x9 2460x19 3660x9 4260x9 4860x59 8460x30")
                .transient(38)
                .fires(
                    90,
                    &[("job", "orders"), ("cron", "rates")],
                    "rates of orders should have succeeded 9m 0s ago.",
                )
                .resolved(125),
            // Each replica has its own store.
            AlertTest::of("CronRunMissed", "one replica of three")
                .series(DUE, "1260x100")
                .series(&DUE.replace("\"a\"", "\"b\""), "1260+60x100")
                .series(&DUE.replace("\"a\"", "\"c\""), "1260+60x100")
                .transient(21)
                .fires(
                    90,
                    &[("job", "orders"), ("cron", "rates")],
                    "rates of orders should have succeeded 1h 9m 0s ago.",
                ),
            AlertTest::of("CronThunderingHerd", "two meet, then four")
                .series(&running("rates"), "0x10 1x2 0x17 1x2 0x30")
                .series(&running("prices"), "0x10 1x2 0x17 1x2 0x30")
                .series(&running("cleanup"), "0x30 1x2 0x30")
                .series(&running("report"), "0x30 1x2 0x30")
                .transient(14)
                .fires(
                    36,
                    &[("job", "orders")],
                    "4 scheduled runs of orders were under way at the same time.",
                )
                .resolved(50),
        ]
    }
}
