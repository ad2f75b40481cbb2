//! How good each service has promised to be: the one file that its users edit.

use firstlight::metrics::catalog::BUILD_INFO;

use super::{group::Group, record::Record};
use crate::observability::{limits, promql::Selector};

/// What holds for everybody, and how to promise something else.
pub(super) fn group() -> Group {
    Group::new("firstlight-objectives")
        .about(
            "How good each service has promised to be. Whatever has a build_info has the objectives below. To promise something \
             else for one service, take the three rules that are comments, and put its job in: the part of requests that must \
             not end with a 5xx (of a month, 22 minutes may be lost), the part of the others that must be fast, and how many \
             seconds that is. The seconds are a bucket of http_server_request_duration_seconds, twice: 0.005, 0.01, 0.025, 0.05, \
             0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5 or 10. Between two buckets nothing would be measured. A job that is \
             declared here is missed for as long as it is here, see ServiceAbsent; the others for a day.",
        )
        .example(declared())
        .records(defaults())
}

/// A service that promises more than the others.
pub(super) fn declared() -> [Record; 3] {
    let declared = |objective: &str, value: f64| {
        Record::as_(format!("slo:{objective}"))
            .of(&[&format!("vector({value})")])
            .label("job", "orders")
    };
    [
        declared("availability:declared_objective_ratio", 0.9995),
        declared("latency:declared_objective_ratio", 0.995),
        declared("latency:declared_objective_seconds", 0.5).label("le", "0.5"),
    ]
}

fn defaults() -> [Record; 3] {
    let bucket = limits::LATENCY_SECONDS.to_string();
    [
        Record::as_("slo:availability:objective_ratio")
            .because("What holds: the declared objective, or 43 minutes of a month for every job that was seen within a day.")
            .of(&[
                "slo:availability:declared_objective_ratio",
                "or on (job)",
                &format!("{} * {}", limits::AVAILABILITY, seen()),
            ]),
        Record::as_("slo:latency:objective_ratio").of(&[
            "slo:latency:declared_objective_ratio",
            "or on (job)",
            &format!("{} * {}", limits::LATENCY, seen()),
        ]),
        Record::as_("slo:latency:objective_seconds").of(&[
            "slo:latency:declared_objective_seconds",
            "or on (job)",
            &format!("label_replace({bucket} * {}, \"le\", \"{bucket}\", \"\", \"\")", seen()),
        ]),
    ]
}

/// 1 for every service of ours, also while it is down.
fn seen() -> String {
    format!(
        "group by (job) (last_over_time({}[1d]))",
        Selector::of(&BUILD_INFO)
    )
}
