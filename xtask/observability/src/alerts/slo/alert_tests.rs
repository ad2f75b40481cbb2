//! Tests of burn rate alerts.
//!
//! Errors at the burn rate of a pair of windows fire the alert of this pair only. A single error among few requests fires no
//! alert.

mod declared;
mod endings;
pub(in super::super) mod new_series;

use super::{OBJECTIVES, Objective, burn};
use crate::{
    alerts::{alert_test::AlertTest, timing::Timing},
    limits::{self, BURNS, Burn},
};

const ALL: &str = r#"http_server_request_duration_seconds_count{job="orders",instance="a",http_response_status_code="200"}"#;
const FAILED: &str = r#"http_server_request_duration_seconds_count{job="orders",instance="a",http_response_status_code="500",error_type="500"}"#;
const FAST: &str = r#"http_server_request_duration_seconds_bucket{job="orders",instance="a",http_response_status_code="200",le="0.25"}"#;
const CALLS: &str =
    r#"rpc_server_call_duration_seconds_count{job="orders",instance="a",rpc_method="Place"}"#;
const FAILED_CALLS: &str = r#"rpc_server_call_duration_seconds_count{job="orders",instance="a",rpc_method="Place",error_type="INTERNAL"}"#;
const TARGET: &str = r#"job="orders",instance="a""#;
const DECLARED: [&str; 2] = [
    r#"slo:availability:declared_objective_ratio{job="orders"}"#,
    r#"slo:latency:declared_objective_ratio{job="orders"}"#,
];

/// Requests per minute.
const TRAFFIC: f64 = 10_000.0;

pub(in super::super) fn all() -> Vec<AlertTest> {
    let mut alert_tests = Vec::new();
    for burn in BURNS {
        for objective in [Objective::Availability, Objective::Latency] {
            alert_tests.push(fires(objective, burn, burn.pages));
        }
    }
    alert_tests.push(fires(Objective::Grpc, BURNS[0], true));
    alert_tests.extend(endings::all());
    // A breach of a default objective is a ticket.
    alert_tests.push(fires(Objective::Availability, BURNS[0], false));
    alert_tests.extend(OBJECTIVES.map(transient));
    alert_tests.extend([Objective::Availability, Objective::Latency].map(quiet_night));
    alert_tests.extend(declared::all());
    alert_tests
}

/// Adds declared objectives with the default values.
fn declared(test: AlertTest) -> AlertTest {
    test.series(DECLARED[0], "0.999x400")
        .series(DECLARED[1], "0.99x400")
}

/// Errors at 1.25 times the pair's burn rate.
///
/// They last for ten minutes longer than the pair's wait. The rate is below that of the next faster pair.
fn fires(objective: Objective, burn: Burn, is_declared: bool) -> AlertTest {
    let budget = 1.0
        - match objective {
            Objective::Availability | Objective::Grpc => limits::AVAILABILITY,
            Objective::Latency => limits::LATENCY,
        };
    let ratio = 1.25 * burn.rate * budget;
    let wait = minutes(burn.wait);
    let fault = wait + 10;
    // The error ratio is a quarter above the limit. Good requests after the fault lower it, so it
    // reaches the limit after a quarter of the fault's duration. The short window may end the alert
    // sooner.
    let after = minutes(burn.short).min(fault / 4) + 20;
    let bad = (TRAFFIC * ratio).round();
    let rising = |step: f64| format!("0+{step}x{fault} {}x{after}", step * f64::from(fault));
    let going_on = |step: f64| format!("0+{step}x{}", fault + after);
    let name = format!("{} times too fast", burn.rate);
    let test = AlertTest::of(burn::name(objective), name).process(
        TARGET,
        0,
        &going_on(0.0).replace("0+0x", "Vx"),
    );
    let test = if is_declared { declared(test) } else { test };
    let test = match objective {
        Objective::Availability => test
            .series(ALL, going_on(TRAFFIC - bad))
            .series(FAILED, rising(bad)),
        Objective::Grpc => test
            .series(CALLS, going_on(TRAFFIC - bad))
            .series(FAILED_CALLS, rising(bad)),
        Objective::Latency => {
            let fast = TRAFFIC - bad;
            let later = fast * f64::from(fault) + TRAFFIC;
            test.series(ALL, going_on(TRAFFIC))
                .series(FAST, format!("0+{fast}x{fault} {later}+{TRAFFIC}x{after}"))
        }
    };
    let (requests, what) = match objective {
        Objective::Availability => ("requests", "failed"),
        Objective::Grpc => ("gRPC calls", "failed"),
        Objective::Latency => ("requests", "were slower than the objective allows"),
    };
    let description = format!(
        "{}% of the {requests} to orders {what} in the last {}. At this rate the error budget of 30 days is gone within {:.0} days.",
        significant(bad / TRAFFIC * 100.0),
        burn.long,
        30.0 / burn.rate
    );
    let mut labels = vec![
        ("long", burn.long),
        ("short", burn.short),
        ("job", "orders"),
    ];
    if burn.pages {
        let objective = if is_declared { "declared" } else { "default" };
        labels.push(("objective", objective));
    }
    test.fires(wait + 8, &labels, description)
        .resolved_only(fault + after, "long", burn.long)
}

/// One minute of errors in two hours.
fn transient(objective: Objective) -> AlertTest {
    let test =
        declared(AlertTest::of(burn::name(objective), "a bad minute").process(TARGET, 0, "Vx150"));
    let test = match objective {
        Objective::Availability => test
            .series(ALL, "0+10000x150")
            .series(FAILED, "0x120 1000x30"),
        Objective::Grpc => test
            .series(CALLS, "0+10000x150")
            .series(FAILED_CALLS, "0x120 1000x30"),
        Objective::Latency => test
            .series(ALL, "0+10000x150")
            .series(FAST, "0+10000x120 1209000+10000x29"),
    };
    test.transient(123).transient(135).transient(150)
}

/// One bad request, at one request per minute: over one percent, but no alert.
fn quiet_night(objective: Objective) -> AlertTest {
    let test = declared(
        AlertTest::of(burn::name(objective), "one error in a quiet night")
            .process(TARGET, 0, "Vx90"),
    );
    let test = match objective {
        Objective::Availability => test.series(ALL, "0+1x90").series(FAILED, "0x30 1x59"),
        Objective::Grpc => test
            .series(CALLS, "0+1x90")
            .series(FAILED_CALLS, "0x30 1x59"),
        Objective::Latency => test.series(ALL, "0+1x90").series(FAST, "0+1x30 30+1x59"),
    };
    test.transient(33).transient(50).transient(90)
}

fn minutes(duration: &str) -> u32 {
    format!("{:.0}", Timing::Production.seconds(duration) / 60.0)
        .parse()
        .unwrap_or_default()
}

/// Four significant digits, as in `humanizePercentage`.
fn significant(percent: f64) -> String {
    let digits = if percent >= 10.0 { 2 } else { 3 };
    let text = format!("{percent:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
