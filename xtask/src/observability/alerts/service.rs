//! Services that are not there at all.

pub(super) mod drills;

use super::{alert::Alert, board::Board, group::Group};
use crate::observability::promql::{Selector, max};

pub(super) fn group() -> Group {
    Group::new("firstlight-service").alerts([down(), absent()])
}

fn down() -> Alert {
    let up = max(&["job"], Selector::foreign("up"));
    Alert::page("ServiceDown")
        .because(
            "One instance that is gone is the orchestrator's business. All of them are somebody's.",
        )
        .when(&[
            &format!("{up} == 0"),
            "and on (job)",
            "slo:availability:objective_ratio",
        ])
        .lasting("2m")
        .summary("No instance of a service answers.")
        .description("Prometheus reaches no instance of {{ $labels.job }}.")
        .on(Board::Overview)
}

fn absent() -> Alert {
    Alert::page("ServiceAbsent")
        .because(
            "An absent service has no metric that an alert could look at, so this one looks at who was here within a day, or is \
             declared in objectives.yml.",
        )
        .when(&["slo:availability:objective_ratio", "unless on (job)", "up"])
        .lasting("5m")
        .summary("Prometheus no longer knows of a service.")
        .description("There is no target of the job {{ $labels.job }}, which is expected to be there.")
        .on(Board::Overview)
}
