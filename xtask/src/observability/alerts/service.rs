//! Services that are not there at all, or that are no longer called.

pub(super) mod drills;

use super::{
    alert::{Alert, Promise},
    board::Board,
    group::Group,
    slo::Objective,
};
use crate::observability::{
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

fn no_traffic(objective: Objective, protocol: &'static str) -> Alert {
    let requests = format!("slo:{}:requests_rate5m", objective.word());
    let on = on_service(&[]);
    let before = |offset: &str| format!("avg_over_time({requests}[30m] offset {offset})");
    Alert::ticket("ServiceWithoutTraffic")
        .because(match objective {
            Objective::Grpc => "",
            _ => {
                "No request fails that does not arrive: a gateway, a name, a client that was switched off. The same half-hour of yesterday \
                 had traffic, and that of a week ago as well if it is known, so that nights and weekends are quiet; a service that is down \
                 or absent says so itself."
            }
        })
        .when(&[
            &format!("{} >= {TRAFFIC_FLOOR}", before("1d")),
            &format!("unless {on}"),
            &format!("{} < {TRAFFIC_FLOOR}", before("1w")),
            &format!("unless {on}"),
            &format!("max_over_time({requests}[15m]) > 0"),
            &format!("and {on}"),
            &format!("{} == 1", max(&SERVICE, Selector::foreign("up"))),
        ])
        .lasting("10m")
        .label("protocol", protocol)
        .summary("A service has no requests where it had some at this time before.")
        .description(format!("{{{{ $labels.job }}}} has no {protocol} requests; at this time yesterday it had {{{{ $value | humanize }}}} a second."))
        .on(Board::Overview)
}
