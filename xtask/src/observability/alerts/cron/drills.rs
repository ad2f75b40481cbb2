//! Schedules that fall silent, and schedules that run all at once.

use crate::observability::alerts::drill::Drill;

const LAST: &str = r#"cron_last_success_timestamp_seconds{job="orders",instance="a",cron="rates"}"#;
const INTERVAL: &str = r#"cron_schedule_interval_seconds{job="orders",instance="a",cron="rates"}"#;
const EXPECTED: &str = r#"cron_expected_duration_seconds{job="orders",instance="a",cron="rates"}"#;
const ELSEWHERE: &str =
    r#"cron_runs_total{job="orders",instance="a",cron="rates",outcome="skipped_elsewhere"}"#;

pub(in super::super) fn drills() -> Vec<Drill> {
    let running =
        |cron: &str| format!(r#"cron_running{{job="orders",instance="a",cron="{cron}"}}"#);
    vec![
        // Every ten minutes; the run at 30 fails, and after 60 there is none until 120.
        Drill::of("CronRunMissed", "an hour without a success")
            .series(INTERVAL, "600x150")
            .series(EXPECTED, "60x150")
            .series(LAST, "0x9 600x9 1200x19 2400x9 3000x9 3600x59 7200x30")
            .blip(38)
            .fires(
                90,
                &[("job", "orders"), ("instance", "a"), ("cron", "rates")],
                "rates of orders last succeeded 30m 0s ago in a.",
            )
            .resolved(125),
        // Each has its own: nothing is skipped for another one's sake.
        Drill::of("CronRunMissed", "one replica of three")
            .series(INTERVAL, "600x150")
            .series(EXPECTED, "60x150")
            .series(LAST, "0x9 600x140")
            .series(&LAST.replace("\"a\"", "\"b\""), "0+60x150")
            .series(&LAST.replace("\"a\"", "\"c\""), "0+60x150")
            .blip(20)
            .fires(
                90,
                &[("job", "orders"), ("instance", "a"), ("cron", "rates")],
                "rates of orders last succeeded 1h 20m 0s ago in a.",
            ),
        // One of them takes every tick, and the other knows only of the success before its own start.
        Drill::of("CronRunMissed", "two replicas that share a schedule")
            .series(INTERVAL, "600x150")
            .series(EXPECTED, "60x150")
            .series(LAST, "0x150")
            .series(&LAST.replace("\"a\"", "\"b\""), "0+60x60 3600x90")
            .series(ELSEWHERE, "_x10 1+0.1x150")
            .blip(60)
            .fires(
                90,
                &[("job", "orders"), ("cron", "rates")],
                "rates of orders last succeeded 30m 0s ago.",
            ),
        Drill::of("CronThunderingHerd", "two meet, then four")
            .series(&running("rates"), "0x10 1x2 0x17 1x2 0x30")
            .series(&running("prices"), "0x10 1x2 0x17 1x2 0x30")
            .series(&running("cleanup"), "0x30 1x2 0x30")
            .series(&running("report"), "0x30 1x2 0x30")
            .blip(14)
            .fires(
                36,
                &[("job", "orders")],
                "4 scheduled runs of orders were under way at the same time.",
            )
            .resolved(50),
    ]
}
