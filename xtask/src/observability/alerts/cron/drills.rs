//! Schedules that fall silent, and schedules that run all at once.

use crate::observability::alerts::drill::Drill;

const LAST: &str = r#"cron_last_success_timestamp_seconds{job="orders",instance="a",cron="rates"}"#;
const INTERVAL: &str = r#"cron_schedule_interval_seconds{job="orders",instance="a",cron="rates"}"#;
const EXPECTED: &str = r#"cron_expected_duration_seconds{job="orders",instance="a",cron="rates"}"#;

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
                &[("job", "orders"), ("cron", "rates")],
                "rates of orders last succeeded 30m 0s ago.",
            )
            .resolved(125),
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
