//! Services that go down, restart, vanish, and are no longer called.

use crate::alerts::drill::Drill;

const A: &str = r#"up{job="orders",instance="a"}"#;
const B: &str = r#"up{job="orders",instance="b"}"#;
const TARGET: &str = r#"job="orders",instance="a""#;
const DECLARED: &str = r#"slo:availability:declared_objective_ratio{job="orders"}"#;
const ORDERS: [(&str, &str); 2] = [("job", "orders"), ("objective", "declared")];
const BY_DEFAULT: [(&str, &str); 2] = [("job", "orders"), ("objective", "default")];
const DOWN: &str = "Prometheus reaches no instance of orders.";
const ABSENT: &str = "There is no target of the job orders, which is expected to be there.";

pub(in super::super) fn drills() -> Vec<Drill> {
    let mut drills = down();
    drills.extend(["namespace", "cluster"].map(one_of_two));
    drills.extend(absent());
    drills.extend(declared());
    drills
}

fn down() -> Vec<Drill> {
    let both = |name: &str| {
        Drill::of("ServiceDown", name)
            .series(A, "1x10 0 1x19 0x29 1x20")
            .series(B, "1x10 0x49 1x20")
            .process(TARGET, 0, "Vx30 _x30 Vx20")
            .blip(12)
            .blip(25)
    };
    let mut drills = promised_or_not(
        both,
        "both instances, after a restart and the loss of one",
        (45, DOWN),
        62,
    );
    drills.push(
        foreign(
            "ServiceDown",
            "a foreign target is none of ours",
            "0x60",
            "1x60",
        )
        .blip(60),
    );
    drills
}

/// The same twice: with a declared objective, and with the default, where it is a ticket.
fn promised_or_not(
    drill: impl Fn(&str) -> Drill,
    name: &str,
    (fires, says): (u32, &str),
    resolved: u32,
) -> Vec<Drill> {
    let declared = drill(name).series(DECLARED, "0.999x100");
    let by_default = drill("nothing was promised, so that it is a ticket");
    [(declared, ORDERS), (by_default, BY_DEFAULT)]
        .into_iter()
        .map(|(drill, labels)| drill.fires(fires, &labels, says).resolved(resolved))
        .collect()
}

/// A target with a `build_info` of its own, and without firstlight.
fn foreign(alert: &'static str, name: &str, up: &str, build: &str) -> Drill {
    Drill::of(alert, name)
        .series(r#"up{job="node",instance="a"}"#, up)
        .series(
            r#"build_info{job="node",instance="a",version="1.0.0"}"#,
            build,
        )
}

/// All of production is down, beside a staging that is up, in one Prometheus.
fn one_of_two(label: &'static str) -> Drill {
    let up = |value: &str, instance: &str| {
        format!(r#"up{{{label}="{value}",job="orders",instance="{instance}"}}"#)
    };
    let target = |value: &str| format!(r#"{label}="{value}",job="orders",instance="a""#);
    Drill::of(
        "ServiceDown",
        format!("production, beside a staging in another {label}"),
    )
    .series(&up("production", "a"), "1x10 0x50")
    .series(&up("production", "b"), "1x10 0x50")
    .series(&up("staging", "a"), "1x60")
    .process(&target("production"), 0, "Vx10")
    .process(&target("staging"), 0, "Vx60")
    .series(DECLARED, "0.999x60")
    .blip(9)
    .fires(45, &[(label, "production"), ORDERS[0], ORDERS[1]], DOWN)
}

fn absent() -> Vec<Drill> {
    let gone = |name: &str| {
        Drill::of("ServiceAbsent", name)
            .series(A, "1x10 _x2 1x17 _x40 1x20")
            .process(TARGET, 0, "Vx10 _x2 Vx17 _x40 Vx20")
            .blip(12)
    };
    let mut drills = promised_or_not(
        gone,
        "its targets are gone, and come back",
        (60, ABSENT),
        75,
    );
    drills.extend([
        foreign(
            "ServiceAbsent",
            "an exporter that is uninstalled",
            "1x10 stale",
            "1x10 stale",
        )
        .blip(30)
        .blip(90),
        Drill::of("ServiceAbsent", "declared, and never seen")
            .series(
                r#"slo:availability:declared_objective_ratio{job="billing"}"#,
                "_x10 0.9995x40 _x20",
            )
            .blip(12)
            .fires(
                45,
                &[("job", "billing"), ("objective", "declared")],
                "There is no target of the job billing, which is expected to be there.",
            )
            .resolved(70),
    ]);
    drills
}

/// Of what is declared, the most specific holds, and what is said for no namespace holds in each.
fn declared() -> Vec<Drill> {
    let declared = |labels: &str| format!("slo:availability:declared_objective_ratio{{{labels}}}");
    let down = |name: &str| {
        Drill::of("ServiceDown", name)
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
        Drill::of("ServiceAbsent", name).series(
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
            .blip(45),
    ]
}

/// A day of three services: one that loses its HTTP requests and has them again, one that loses its gRPC calls, and one with few
/// requests at any time.
pub(in super::super) fn traffic() -> Drill {
    let day = 1_440;
    let http = |job: &str| {
        format!(
            r#"http_server_request_duration_seconds_count{{job="{job}",instance="a",http_response_status_code="200"}}"#
        )
    };
    let calls =
        r#"rpc_server_call_duration_seconds_count{job="billing",instance="a",rpc_method="Charge"}"#;
    let drill = Drill::of("ServiceWithoutTraffic", "a day after there was some")
        .series(&http("orders"), "0+60x1460 87600x60 87600+60x60")
        .series(&http("nights"), "0+5x1460 7300x120")
        .series(calls, "0+60x1530 91800x60");
    let drill = ["orders", "nights", "billing"]
        .into_iter()
        .fold(drill, |drill, job| {
            drill.series(&format!(r#"up{{job="{job}",instance="a"}}"#), "1x1580")
        });
    drill
        .blip(day + 15)
        .blip(day + 40)
        .fires(
            day + 70,
            &[("job", "orders"), ("protocol", "HTTP"), ("before", "1d")],
            "orders has no HTTP requests; at this time yesterday it had 1 a second.",
        )
        .blip(day + 90)
        .fires(
            day + 125,
            &[("job", "billing"), ("protocol", "gRPC"), ("before", "1d")],
            "billing has no gRPC requests; at this time yesterday it had 1 a second.",
        )
        .resolved_only(day + 90, "job", "orders")
}

/// Five requests a second for two hours, and then none, in the first day of a service; beside it one that has never had any, and one
/// that goes on.
pub(in super::super) fn first_day() -> Drill {
    let http = |job: &str| {
        format!(
            r#"http_server_request_duration_seconds_count{{job="{job}",instance="a",http_response_status_code="200"}}"#
        )
    };
    let drill = Drill::of("ServiceWithoutTraffic", "in the first day of a service")
        .series(&http("orders"), "0+300x120 36000x180")
        .series(&http("busy"), "0+300x300")
        .series(&http("nights"), "0+5x120 600x180");
    let drill = ["orders", "busy", "nights", "idle"]
        .into_iter()
        .fold(drill, |drill, job| {
            drill.series(&format!(r#"up{{job="{job}",instance="a"}}"#), "1x300")
        });
    drill.blip(119).blip(135).fires(
        165,
        &[("job", "orders"), ("protocol", "HTTP"), ("before", "1h")],
        "orders has no HTTP requests; an hour ago it had 5 a second.",
    )
}
