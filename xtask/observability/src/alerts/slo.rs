//! Recorded error ratios, error budgets and burn rate alerts of objectives.
//!
//! The windows and burn rates follow the Site Reliability Workbook, chapter 5. `failed` defines failures: errors of clients
//! are not the service's. A failed request does not count as fast.

pub(super) mod alert_tests;
mod burn;

use firstlight::metrics::catalog::{HTTP_SERVER_REQUEST_DURATION, RPC_SERVER_CALL_DURATION};

use super::{group::Group, objectives, recording::Record, timing::Timing};
use crate::{
    failed::{failed_calls, failed_requests, good_requests},
    promql::{SERVICE, Selector, counted, on_service, service_labels, whole_bounds},
};

/// The interval of evaluation of these groups.
pub(super) const INTERVAL: &str = "30s";
/// All windows of the alerts, the shortest first.
///
/// The shortest is recorded from the requests, and the others from its samples.
const WINDOWS: [&str; 7] = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"];

/// The subject of an objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Objective {
    Availability,
    Latency,
    /// The availability of gRPC calls, with the objective of HTTP availability.
    Grpc,
}

/// All objectives.
const OBJECTIVES: [Objective; 3] = [Objective::Availability, Objective::Grpc, Objective::Latency];

impl Objective {
    /// The name of the objective in the names of series.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Availability => "availability",
            Self::Latency => "latency",
            Self::Grpc => "grpc_availability",
        }
    }

    /// The prefix of the series with the objective.
    pub(super) fn series_prefix(self) -> &'static str {
        match self {
            Self::Availability | Self::Grpc => "slo:availability",
            Self::Latency => "slo:latency",
        }
    }
}

pub(super) fn groups(timing: Timing) -> [Group; 3] {
    [
        Group::new("firstlight-slo")
            .about(
                "How much of what each service answers is good. The long windows are sums over the short one: a few series for each \
                 service instead of every bucket of every route over three days.",
            )
            .every(INTERVAL)
            .records(OBJECTIVES.into_iter().flat_map(error_ratios)),
        Group::new("firstlight-slo-budget")
            .about("What is left of the error budget of 30 days: 1 is all of it, 0 is nothing, and below 0 the promise is broken.")
            .every("5m")
            .records(OBJECTIVES.map(budget)),
        Group::new("firstlight-slo-alerts")
            .about(
                "Error budgets that burn too fast. Of each pair of windows the long one says that it matters, and the short one that \
                 it still goes on.",
            )
            .every(INTERVAL)
            .alerts(burn::alerts(timing)),
    ]
}

/// Rates of requests over five minutes, including the first values of new series.
pub(super) fn requests(timing: Timing) -> Vec<Record> {
    let http = Selector::of(&HTTP_SERVER_REQUEST_DURATION);
    let failed = failed_requests(http.clone());
    let good = good_requests(http.clone());
    let calls = Selector::of(&RPC_SERVER_CALL_DURATION);
    let failed_calls = failed_calls(calls.clone());
    let seconds = timing.seconds(WINDOWS[0]);
    let rate = |requests: Selector| {
        format!(
            "{} / {seconds}",
            counted(&SERVICE, &requests.count(), WINDOWS[0])
        )
    };
    let per_bucket = counted(&service_labels(&["le"]), &good.clone().bucket(), WINDOWS[0]);
    let mut records = Vec::new();
    let reason = [
        "A request that failed has an error type, with a status or without: a panic or a body that broke off may have none. What the client \
         alone ended did not fail. A service that has never failed has no series of failures: that is none, and not nothing known.",
        "A call has an error type if its end is the server's fault, or if the caller left.",
    ];
    for (objective, all, bad, because) in [
        (Objective::Availability, http, failed, reason[0]),
        (Objective::Grpc, calls, failed_calls, reason[1]),
    ] {
        let all_of = format!("slo:{}:requests_rate5m", objective.word());
        records.push(Record::named(&all_of).expr(&[&rate(all)]));
        records.push(
            Record::named(format!("slo:{}:errors_rate5m", objective.word()))
                .because(because)
                .expr(&[&rate(bad), "or", &format!("0 * {all_of}")]),
        );
    }
    records.push(Record::named("slo:latency:requests_rate5m").expr(&[&rate(good)]));
    records.push(
        Record::named("slo:latency:errors_rate5m")
            .because(
                "Those that were not in the bucket of the objective. Whole bounds are `1` in the text format of Prometheus 2 and `1.0` \
                 elsewhere; here they are `1`.",
            )
            .expr(&[
                "slo:latency:requests_rate5m",
                "-",
                &format!("sum by ({}) (", SERVICE.join(", ")),
                &format!("  {}", whole_bounds(&per_bucket)),
                &format!("  and {}", on_service(&["le"])),
                &format!("  {}", objectives::BUCKET),
                &format!(") / {seconds}"),
            ]),
    );
    records
}

/// Error ratios over all windows; without traffic there is no ratio.
fn error_ratios(objective: Objective) -> impl Iterator<Item = Record> {
    let slo = format!("slo:{}", objective.word());
    WINDOWS.into_iter().map(move |window| {
        let (errors, requests) = if window == "5m" {
            (
                format!("{slo}:errors_rate5m"),
                format!("{slo}:requests_rate5m"),
            )
        } else {
            (
                over(&format!("{slo}:errors_rate5m"), window),
                over(&format!("{slo}:requests_rate5m"), window),
            )
        };
        Record::named(format!("{slo}:error_ratio_rate{window}")).expr(&[
            &errors,
            "/",
            &format!("({requests} > 0)"),
        ])
    })
}

fn budget(objective: Objective) -> Record {
    let slo = format!("slo:{}", objective.word());
    Record::named(format!("{slo}:error_budget_remaining_ratio")).expr(&[
        "1 - (",
        &format!("  {}", over(&format!("{slo}:errors_rate5m"), "30d")),
        "  /",
        &format!("  ({} > 0)", over(&format!("{slo}:requests_rate5m"), "30d")),
        ")",
        &format!("/ {}", on_service(&[])),
        &format!("(1 - {}:objective_ratio)", objective.series_prefix()),
    ])
}

fn over(record: &str, window: &str) -> String {
    format!("sum_over_time({record}[{window}])")
}
