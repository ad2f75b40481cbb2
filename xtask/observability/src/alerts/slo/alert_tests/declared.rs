//! Tests of latency objectives between two buckets, and of duplicate declarations.

use super::{ALL, DECLARED, FAILED, FAST, TARGET, declared};
use crate::alerts::alert_test::AlertTest;

const LATENCY: &str = "HttpLatencyBudgetBurn";
const SECONDS: &str = r#"slo:latency:declared_objective_seconds{job="orders"}"#;
const PAGES: [(&str, &str); 3] = [("long", "1h"), ("job", "orders"), ("severity", "critical")];

/// Responses within the bucket: ten per second, and none after minute 20.
const SLOW: &str = "0+600x20 12000x40";
const FINE: &str = "0+600x60";

pub(super) fn all() -> Vec<AlertTest> {
    vec![
        between("0.3", "0.5", SLOW).firing(40, &PAGES),
        between("0.3", "0.5", FINE).transient(40),
        // OpenMetrics writes the bound as `1.0`.
        between("0.8", "1.0", SLOW).firing(40, &PAGES),
        // Beyond the last bound, no response is known to be too slow.
        between("60", "10", SLOW)
            .series(&FAST.replace("0.25", "+Inf"), FINE)
            .transient(40)
            .recorded(40, r#"slo:latency:error_ratio_rate1h{job="orders"} < 0.01"#),
        declared_twice(LATENCY, SECONDS, ["0.25", "0.5"])
            .series(&FAST.replace("0.25", "0.5"), FINE)
            .firing(40, &PAGES),
        declared_twice("HttpAvailabilityBudgetBurn", DECLARED[0], ["0.99", "0.999"])
            .series(FAILED, "0x20 0+60x40")
            .firing(40, &PAGES),
    ]
}

/// An objective of `seconds` between two bounds.
///
/// Responses within the upper bound `next` follow `values`. Few are within the lower bound.
fn between(seconds: &str, next: &str, values: &str) -> AlertTest {
    let test = AlertTest::of(
        LATENCY,
        format!("an objective of {seconds} s, with {next} as the next bucket: {values}"),
    )
    .process(TARGET, 0, "Vx60")
    .series(SECONDS, format!("{seconds}x60"))
    .series(ALL, FINE)
    .series(FAST, "0+6x60")
    .series(&FAST.replace("0.25", next), values);
    declared(test).transient(19)
}

/// Two declarations that differ in an unrelated label: the stricter applies.
fn declared_twice(alert: &'static str, series: &str, values: [&str; 2]) -> AlertTest {
    let test = AlertTest::of(alert, "two declarations, one of them stricter")
        .process(TARGET, 0, "Vx60")
        .series(ALL, FINE)
        .series(FAST, SLOW);
    let others = DECLARED
        .into_iter()
        .filter(|declared| *declared != series)
        .fold(test, |test, declared| test.series(declared, "0.99x60"));
    ["x", "y"]
        .into_iter()
        .zip(values)
        .fold(others, |test, (team, value)| {
            let series = series.replace('}', &format!(",team=\"{team}\"}}"));
            test.series(&series, format!("{value}x60"))
        })
        .transient(19)
}
