//! Recorded error ratios, error budgets and burn rate alerts of objectives.
//!
//! The windows and burn rates follow the Site Reliability Workbook, chapter 5. The module `failed`
//! defines failures. Errors that clients cause are not failures. Latency objectives are about the
//! requests that did not fail.

pub(super) mod alert_tests;
mod burn;

use firstlight::metrics::catalog::{HTTP_SERVER_REQUEST_DURATION, RPC_SERVER_CALL_DURATION};

use super::{group::Group, objectives, recording::Record, timing::Timing};
use crate::{
    failed::{failed_calls, failed_requests, good_requests},
    promql::{SERVICE, Selector, counted, on_service, service_labels, whole_bounds},
};

/// The evaluation interval of services, counts, error ratios and burn rate alerts.
pub(super) const INTERVAL: &str = "30s";
/// All windows of the alerts, the shortest first.
///
/// The rates over the shortest window are recorded from the requests, and the ratios over longer windows from these rates.
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
    pub(super) fn as_str(self) -> &'static str {
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
                "Error ratios of each service. The long windows are sums over the samples of the short one, which are a few series for \
                 each service instead of every bucket of every route over three days.",
            )
            .every(INTERVAL)
            .records(OBJECTIVES.into_iter().flat_map(error_ratios)),
        Group::new("firstlight-slo-budget")
            .about("The remaining ratio of the 30-day error budget: 1 is all of it, 0 is nothing, and below 0 the objective is broken.")
            .every("5m")
            .records(OBJECTIVES.map(budget)),
        Group::new("firstlight-slo-alerts")
            .about(
                "Alerts on error budgets that burn too fast. In each pair of windows, the long one shows that the burn is significant, \
                 and the short one that it is still going on.",
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
        "A failed request has an error type. It may lack a status, after a panic or a body that broke off. A request that only the client \
         ended did not fail. A service without failures has no series of them, and its rate is 0.",
        "A call has an error type if the server is at fault, or if the caller canceled it. A canceled call did not fail.",
    ];
    for (objective, all, bad, because) in [
        (Objective::Availability, http, failed, reason[0]),
        (Objective::Grpc, calls, failed_calls, reason[1]),
    ] {
        let all_of = format!("slo:{}:requests_rate5m", objective.as_str());
        records.push(Record::named(&all_of).expr(&[&rate(all)]));
        records.push(
            Record::named(format!("slo:{}:errors_rate5m", objective.as_str()))
                .because(because)
                .expr(&[&rate(bad), "or", &format!("0 * {all_of}")]),
        );
    }
    records.push(Record::named("slo:latency:requests_rate5m").expr(&[&rate(good)]));
    records.push(
        Record::named("slo:latency:errors_rate5m")
            .because(
                "Requests beyond the bucket of the objective. Whole bounds are `1` in the text format of Prometheus 2 and `1.0` \
                 elsewhere. Both are compared as `1`.",
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

/// Error ratios over all windows.
///
/// Without traffic there is no ratio.
fn error_ratios(objective: Objective) -> impl Iterator<Item = Record> {
    let slo = format!("slo:{}", objective.as_str());
    WINDOWS.into_iter().map(move |window| {
        let (errors, requests) = if window == "5m" {
            (
                format!("{slo}:errors_rate5m"),
                format!("{slo}:requests_rate5m"),
            )
        } else {
            (
                sum_over(&format!("{slo}:errors_rate5m"), window),
                sum_over(&format!("{slo}:requests_rate5m"), window),
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
    let slo = format!("slo:{}", objective.as_str());
    Record::named(format!("{slo}:error_budget_remaining_ratio")).expr(&[
        "1 - (",
        &format!("  {}", sum_over(&format!("{slo}:errors_rate5m"), "30d")),
        "  /",
        &format!(
            "  ({} > 0)",
            sum_over(&format!("{slo}:requests_rate5m"), "30d")
        ),
        ")",
        &format!("/ {}", on_service(&[])),
        &format!("(1 - {}:objective_ratio)", objective.series_prefix()),
    ])
}

fn sum_over(record: &str, window: &str) -> String {
    format!("sum_over_time({record}[{window}])")
}
