//! Alerts on services that are down, absent, or without traffic.

pub(super) mod alert_tests;

use super::{
    alert::{Alert, ObjectiveSource},
    board::Board,
    group::Group,
    slo::Objective,
};
use crate::{
    limits::TRAFFIC_FLOOR,
    promql::{SERVICE, Selector, max, on_service},
};

pub(super) fn group() -> Group {
    let sources = [ObjectiveSource::Declared, ObjectiveSource::Default];
    Group::new("firstlight-service")
        .alerts(sources.map(down))
        .alerts(sources.map(absent))
        .alerts([
            no_traffic(Objective::Availability, "HTTP"),
            no_traffic(Objective::Grpc, "gRPC"),
            no_traffic_of_new_service(Objective::Availability, "HTTP"),
            no_traffic_of_new_service(Objective::Grpc, "gRPC"),
        ])
}

fn down(source: ObjectiveSource) -> Alert {
    let up = max(&SERVICE, Selector::foreign("up"));
    Alert::of(source, "ServiceDown")
        .because(match source {
            ObjectiveSource::Declared => {
                "The orchestrator replaces a single instance. The loss of all instances is an outage: a page if the service has a \
                 declared objective, and otherwise a ticket."
            }
            ObjectiveSource::Default => "",
        })
        .when(&[
            &format!("{up} == 0"),
            &format!("and {}", on_service(&[])),
            "slo:availability:objective_ratio",
            &source.filter("slo:availability"),
        ])
        .lasting("2m")
        .summary("No instance of a service answers.")
        .description("Prometheus reaches no instance of {{ $labels.job }}.")
        .on(Board::Overview)
}

fn absent(source: ObjectiveSource) -> Alert {
    Alert::of(source, "ServiceAbsent")
        .because(match source {
            ObjectiveSource::Declared => {
                "An absent service has no series for an alert, so this alert uses the services that were seen within a day or are \
                 declared in objectives.yml."
            }
            ObjectiveSource::Default => "",
        })
        .when(&[
            "slo:availability:objective_ratio",
            &format!("unless {}", on_service(&[])),
            "up",
            &source.filter("slo:availability"),
        ])
        .lasting("5m")
        .summary("Prometheus has no target of a service.")
        .description("There is no target of the job {{ $labels.job }}, which is expected to be there.")
        .on(Board::Overview)
}

/// The mean traffic of half an hour, `ago` in the past.
fn traffic(objective: Objective, ago: &str) -> String {
    let requests = requests(objective);
    format!("avg_over_time({requests}[30m] offset {ago})")
}

fn requests(objective: Objective) -> String {
    format!("slo:{}:requests_rate5m", objective.as_str())
}

/// The condition that a service is up and has no traffic now.
fn up_without_traffic(objective: Objective) -> [String; 4] {
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
            "Requests that do not arrive cannot fail. They stop after a fault of a gateway or of DNS, or after a client was switched \
             off. The alert requires traffic in the same half-hour of the day before, and of the week before if it is known, so that it does \
             not fire at night or on weekends. ServiceDown and ServiceAbsent cover services that are down or absent."
        }
    };
    let mut lines = vec![
        format!("{} >= {TRAFFIC_FLOOR}", traffic(objective, "1d")),
        format!("unless {}", on_service(&[])),
        format!("{} < {TRAFFIC_FLOOR}", traffic(objective, "1w")),
    ];
    lines.extend(up_without_traffic(objective));
    without_traffic("1d", because, &lines, protocol).description(format!(
        "{{{{ $labels.job }}}} has no {protocol} requests; at this time yesterday it had {{{{ $value | humanize }}}} a second."
    ))
}

/// The alert for a service without data of the day before.
///
/// It compares with the half-hour that ended an hour ago.
fn no_traffic_of_new_service(objective: Objective, protocol: &'static str) -> Alert {
    let because = match objective {
        Objective::Grpc => "",
        _ => {
            "A service without data of the day before is compared with the half-hour that ended an hour ago."
        }
    };
    let mut lines = vec![
        format!("{} >= {TRAFFIC_FLOOR}", traffic(objective, "1h")),
        format!("unless {}", on_service(&[])),
        traffic(objective, "1d"),
    ];
    lines.extend(up_without_traffic(objective));
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
