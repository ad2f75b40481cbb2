//! Services that are not there at all, or that are no longer called.

pub(super) mod alert_tests;

use super::{
    alert::{Alert, Promise},
    board::Board,
    group::Group,
    slo::Objective,
};
use crate::{
    limits::TRAFFIC_FLOOR,
    promql::{SERVICE, Selector, max, on_service},
};

pub(super) fn group() -> Group {
    let promises = [Promise::Declared, Promise::Default];
    Group::new("firstlight-service")
        .alerts(promises.map(down))
        .alerts(promises.map(absent))
        .alerts([
            no_traffic(Objective::Availability, "HTTP"),
            no_traffic(Objective::Grpc, "gRPC"),
            no_traffic_of_a_new_one(Objective::Availability, "HTTP"),
            no_traffic_of_a_new_one(Objective::Grpc, "gRPC"),
        ])
}

fn down(promise: Promise) -> Alert {
    let up = max(&SERVICE, Selector::foreign("up"));
    Alert::of(promise, "ServiceDown")
        .because(match promise {
            Promise::Declared => {
                "One instance that is gone is the orchestrator's business. All of them are an outage: a page if the service has a \
                 declared objective, and else a ticket."
            }
            Promise::Default => "",
        })
        .when(&[
            &format!("{up} == 0"),
            &format!("and {}", on_service(&[])),
            "slo:availability:objective_ratio",
            &promise.filter("slo:availability"),
        ])
        .lasting("2m")
        .summary("No instance of a service answers.")
        .description("Prometheus reaches no instance of {{ $labels.job }}.")
        .on(Board::Overview)
}

fn absent(promise: Promise) -> Alert {
    Alert::of(promise, "ServiceAbsent")
        .because(match promise {
            Promise::Declared => {
                "An absent service has no metric that an alert could look at, so this one looks at who was here within a day, or is \
                 declared in objectives.yml."
            }
            Promise::Default => "",
        })
        .when(&[
            "slo:availability:objective_ratio",
            &format!("unless {}", on_service(&[])),
            "up",
            &promise.filter("slo:availability"),
        ])
        .lasting("5m")
        .summary("Prometheus no longer knows of a service.")
        .description("There is no target of the job {{ $labels.job }}, which is expected to be there.")
        .on(Board::Overview)
}

/// The traffic of half an hour, so long ago.
fn traffic(objective: Objective, ago: &str) -> String {
    let requests = requests(objective);
    format!("avg_over_time({requests}[30m] offset {ago})")
}

fn requests(objective: Objective) -> String {
    format!("slo:{}:requests_rate5m", objective.word())
}

/// There is none now, of a service that is up.
fn none_now(objective: Objective) -> [String; 4] {
    let on = on_service(&[]);
    [
        format!("unless {on}"),
        format!("max_over_time({}[15m]) > 0", requests(objective)),
        format!("and {on}"),
        format!("{} == 1", max(&SERVICE, Selector::foreign("up"))),
    ]
}

fn no_traffic(objective: Objective, protocol: &'static str) -> Alert {
    let because = match objective {
        Objective::Grpc => "",
        _ => {
            "No request fails that does not arrive: a gateway, a name, a client that was switched off. The same half-hour of yesterday \
             had traffic, and that of a week ago as well if it is known, so that nights and weekends are quiet; a service that is down \
             or absent says so itself."
        }
    };
    let mut lines = vec![
        format!("{} >= {TRAFFIC_FLOOR}", traffic(objective, "1d")),
        format!("unless {}", on_service(&[])),
        format!("{} < {TRAFFIC_FLOOR}", traffic(objective, "1w")),
    ];
    lines.extend(none_now(objective));
    without_traffic("1d", because, &lines, protocol).description(format!(
        "{{{{ $labels.job }}}} has no {protocol} requests; at this time yesterday it had {{{{ $value | humanize }}}} a second."
    ))
}

/// Of a service in its first day there is no yesterday.
fn no_traffic_of_a_new_one(objective: Objective, protocol: &'static str) -> Alert {
    let because = match objective {
        Objective::Grpc => "",
        _ => "A service that had no requests to count a day ago is compared with the hour before.",
    };
    let mut lines = vec![
        format!("{} >= {TRAFFIC_FLOOR}", traffic(objective, "1h")),
        format!("unless {}", on_service(&[])),
        traffic(objective, "1d"),
    ];
    lines.extend(none_now(objective));
    without_traffic("1h", because, &lines, protocol).description(format!(
        "{{{{ $labels.job }}}} has no {protocol} requests; an hour ago it had {{{{ $value | humanize }}}} a second."
    ))
}

fn without_traffic(
    before: &'static str,
    because: &'static str,
    lines: &[String],
    protocol: &'static str,
) -> Alert {
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    Alert::ticket("ServiceWithoutTraffic")
        .because(because)
        .when(&lines)
        .lasting("10m")
        .label("protocol", protocol)
        .label("before", before)
        .summary("A service has no requests, and had some before.")
        .on(Board::Overview)
}
