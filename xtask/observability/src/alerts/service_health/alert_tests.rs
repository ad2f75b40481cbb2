//! Tests of alerts on services that are down, absent, or without traffic.

use crate::alerts::alert_test::AlertTest;

const A: &str = r#"up{job="orders",instance="a"}"#;
const B: &str = r#"up{job="orders",instance="b"}"#;
const TARGET: &str = r#"job="orders",instance="a""#;
const DECLARED: &str = r#"slo:availability:declared_objective_ratio{job="orders"}"#;
const ORDERS: [(&str, &str); 2] = [("job", "orders"), ("objective", "declared")];
const BY_DEFAULT: [(&str, &str); 2] = [("job", "orders"), ("objective", "default")];
const DOWN: &str = "Prometheus reaches no instance of orders.";
const ABSENT: &str = "There is no target of the job orders, which is expected to be there.";

pub(in super::super) fn all() -> Vec<AlertTest> {
    let mut alert_tests = down();
    alert_tests.extend(["namespace", "cluster"].map(one_of_two));
    alert_tests.extend(absent());
    alert_tests.extend(declared());
    alert_tests
}

fn down() -> Vec<AlertTest> {
    let both = |name: &str| {
        AlertTest::of("ServiceDown", name)
            .series(A, "1x10 0 1x19 0x29 1x20")
            .series(B, "1x10 0x49 1x20")
            .process(TARGET, 0, "Vx30 _x30 Vx20")
            .transient(12)
            .transient(25)
    };
    let mut alert_tests = declared_and_default(
        both,
        "both instances, after a restart and the loss of one",
        (45, DOWN),
        62,
    );
    alert_tests
        .push(foreign("ServiceDown", "a target without firstlight", "0x60", "1x60").transient(60));
    alert_tests
}

/// A test with a declared objective, and the same test with the default.
fn declared_and_default(
    test: impl Fn(&str) -> AlertTest,
    name: &str,
    (fires, description): (u32, &str),
    resolved: u32,
) -> Vec<AlertTest> {
    let declared = test(name).series(DECLARED, "0.999x100");
    let by_default = test("a ticket without a declared objective");
    [(declared, ORDERS), (by_default, BY_DEFAULT)]
        .into_iter()
        .map(|(test, labels)| test.fires(fires, &labels, description).resolved(resolved))
        .collect()
}

/// A target with a `build_info` of its own, and without firstlight.
fn foreign(alert: &'static str, name: &str, up: &str, build: &str) -> AlertTest {
    AlertTest::of(alert, name)
        .series(r#"up{job="node",instance="a"}"#, up)
        .series(
            r#"build_info{job="node",instance="a",version="1.0.0"}"#,
            build,
        )
}

/// Production is down and staging is up, in one Prometheus.
fn one_of_two(label: &'static str) -> AlertTest {
    let up = |value: &str, instance: &str| {
        format!(r#"up{{{label}="{value}",job="orders",instance="{instance}"}}"#)
    };
    let target = |value: &str| format!(r#"{label}="{value}",job="orders",instance="a""#);
    AlertTest::of(
        "ServiceDown",
        format!("production, beside staging in another {label}"),
    )
    .series(&up("production", "a"), "1x10 0x50")
    .series(&up("production", "b"), "1x10 0x50")
    .series(&up("staging", "a"), "1x60")
    .process(&target("production"), 0, "Vx10")
    .process(&target("staging"), 0, "Vx60")
    .series(DECLARED, "0.999x60")
    .transient(9)
    .fires(45, &[(label, "production"), ORDERS[0], ORDERS[1]], DOWN)
}

fn absent() -> Vec<AlertTest> {
    let gone = |name: &str| {
        AlertTest::of("ServiceAbsent", name)
            .series(A, "1x10 _x2 1x17 _x40 1x20")
            .process(TARGET, 0, "Vx10 _x2 Vx17 _x40 Vx20")
            .transient(12)
    };
    let mut alert_tests = declared_and_default(
        gone,
        "its targets are gone, and come back",
        (60, ABSENT),
        75,
    );
    alert_tests.extend([
        foreign(
            "ServiceAbsent",
            "an exporter that is uninstalled",
            "1x10 stale",
            "1x10 stale",
        )
        .transient(30)
        .transient(90),
        AlertTest::of("ServiceAbsent", "declared, and never seen")
            .series(
                r#"slo:availability:declared_objective_ratio{job="billing"}"#,
                "_x10 0.9995x40 _x20",
            )
            .transient(12)
            .fires(
                45,
                &[("job", "billing"), ("objective", "declared")],
                "There is no target of the job billing, which is expected to be there.",
            )
            .resolved(70),
    ]);
    alert_tests
}

/// Tests of which declaration applies: the most specific one.
///
/// A declaration without a namespace applies in each namespace.
fn declared() -> Vec<AlertTest> {
    let declared = |labels: &str| format!("slo:availability:declared_objective_ratio{{{labels}}}");
    let down = |name: &str| {
        AlertTest::of("ServiceDown", name)
            .series(
                r#"up{namespace="production",job="orders",instance="a"}"#,
                "1x10 0x50",
            )
            .process(
                r#"namespace="production",job="orders",instance="a""#,
                0,
                "Vx10",
            )
    };
    let in_staging = |name: &str| {
        AlertTest::of("ServiceAbsent", name).series(
            r#"up{namespace="staging",job="orders",instance="a"}"#,
            "1x60",
        )
    };
    let fires = |objective: &'static str| {
        [
            ("namespace", "production"),
            ("job", "orders"),
            ("objective", objective),
        ]
    };
    vec![
        down("declared for its namespace")
            .series(
                &declared(r#"namespace="production",job="orders""#),
                "0.99x60",
            )
            .fires(45, &fires("declared"), DOWN),
        down("declared for another namespace")
            .series(&declared(r#"namespace="staging",job="orders""#), "0.99x60")
            .fires(45, &fires("default"), DOWN),
        in_staging("declared for a namespace where it never was")
            .series(
                &declared(r#"namespace="production",job="orders""#),
                "0.99x60",
            )
            .fires(45, &fires("declared"), ABSENT),
        in_staging("declared without a namespace, and there in one")
            .series(&declared(r#"job="orders""#), "0.99x60")
            .transient(45),
    ]
}

/// Three services over a day.
///
/// `orders` loses its HTTP requests for a while, `billing` loses its gRPC calls, and `nights` has few requests at any time.
pub(in super::super) fn traffic() -> AlertTest {
    let day = 1_440;
    let http = |job: &str| {
        format!(
            r#"http_server_request_duration_seconds_count{{job="{job}",instance="a",http_response_status_code="200"}}"#
        )
    };
    let calls =
        r#"rpc_server_call_duration_seconds_count{job="billing",instance="a",rpc_method="Charge"}"#;
    let test = AlertTest::of("ServiceWithoutTraffic", "a day with traffic, and then none")
        .series(&http("orders"), "0+60x1460 87600x60 87600+60x60")
        .series(&http("nights"), "0+5x1460 7300x120")
        .series(calls, "0+60x1530 91800x60");
    let test = ["orders", "nights", "billing"]
        .into_iter()
        .fold(test, |test, job| {
            test.series(&format!(r#"up{{job="{job}",instance="a"}}"#), "1x1580")
        });
    test.transient(day + 15)
        .transient(day + 40)
        .fires(
            day + 70,
            &[("job", "orders"), ("protocol", "HTTP"), ("before", "1d")],
            "orders has no HTTP requests; at this time yesterday it had 1 a second.",
        )
        .transient(day + 90)
        .fires(
            day + 125,
            &[("job", "billing"), ("protocol", "gRPC"), ("before", "1d")],
            "billing has no gRPC requests; at this time yesterday it had 1 a second.",
        )
        .resolved_only(day + 90, "job", "orders")
}

/// A new service, `orders`, with five requests per second for two hours only.
///
/// `busy` has the same traffic all the time, `nights` has little traffic, and `idle` has none.
pub(in super::super) fn first_day() -> AlertTest {
    let http = |job: &str| {
        format!(
            r#"http_server_request_duration_seconds_count{{job="{job}",instance="a",http_response_status_code="200"}}"#
        )
    };
    let test = AlertTest::of("ServiceWithoutTraffic", "on the first day of a service")
        .series(&http("orders"), "0+300x120 36000x180")
        .series(&http("busy"), "0+300x300")
        .series(&http("nights"), "0+5x120 600x180");
    let test = ["orders", "busy", "nights", "idle"]
        .into_iter()
        .fold(test, |test, job| {
            test.series(&format!(r#"up{{job="{job}",instance="a"}}"#), "1x300")
        });
    test.transient(119).transient(135).fires(
        165,
        &[("job", "orders"), ("protocol", "HTTP"), ("before", "1h")],
        "orders has no HTTP requests; an hour ago it had 5 a second.",
    )
}
