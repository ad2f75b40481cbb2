//! Objectives: how much of the error budget each service spends, and when that wakes somebody.
//!
//! Several windows and burn rates, after the Site Reliability Workbook, chapter 5. Failures are 5xx: a client's mistake is no
//! fault of the service. What fails does not count as fast.

mod burn;
pub(super) mod drills;

use firstlight::metrics::catalog::HTTP_SERVER_REQUEST_DURATION;

use super::{group::Group, record::Record};
use crate::observability::promql::{Selector, rate, sum};

/// How often the rules of this page are evaluated; what sums up samples must know.
const INTERVAL: &str = "30s";
/// All windows of the alerts, the shortest first, which is recorded from the requests themselves.
const WINDOWS: [&str; 7] = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"];
const SERVER_ERROR: &str = "5..";

/// What an objective is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Objective {
    Availability,
    Latency,
}

impl Objective {
    /// As it is called in the names of metrics.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Availability => "availability",
            Self::Latency => "latency",
        }
    }
}

pub(super) fn groups(timing: super::timing::Timing) -> [Group; 3] {
    let ratios = [Objective::Availability, Objective::Latency];
    [
        Group::new("firstlight-slo")
            .about(
                "How much of what each service answers is good. The long windows are sums over the short one: a few series for each \
                 job instead of every bucket of every route over three days.",
            )
            .every(INTERVAL)
            .records(requests())
            .records(ratios.into_iter().flat_map(error_ratios)),
        Group::new("firstlight-slo-budget")
            .about("What is left of the error budget of 30 days: 1 is all of it, 0 is nothing, and below 0 the promise is broken.")
            .every("5m")
            .records(ratios.map(budget)),
        Group::new("firstlight-slo-alerts")
            .about(
                "Error budgets that burn too fast. Of each pair of windows the long one says that it matters, and the short one that \
                 it still goes on.",
            )
            .every(INTERVAL)
            .alerts(burn::alerts(timing)),
    ]
}

fn requests() -> [Record; 4] {
    let all = Selector::of(&HTTP_SERVER_REQUEST_DURATION);
    let failed = all
        .clone()
        .matches("http_response_status_code", SERVER_ERROR);
    let answered = all
        .clone()
        .matches_not("http_response_status_code", SERVER_ERROR);
    let per_job = |requests: Selector| sum(&["job"], rate(&requests.count(), "5m"));
    let per_bucket = sum(&["job", "le"], rate(&answered.clone().bucket(), "5m"));
    [
        Record::as_("slo:availability:requests_rate5m").of(&[&per_job(all)]),
        Record::as_("slo:availability:errors_rate5m")
            .because("A service that has never failed has no series of failures: that is none, and not nothing known.")
            .of(&[&per_job(failed), "or", "0 * slo:availability:requests_rate5m"]),
        Record::as_("slo:latency:requests_rate5m").of(&[&per_job(answered)]),
        Record::as_("slo:latency:errors_rate5m")
            .because(
                "Those that were not in the bucket of the objective. Whole bounds are `1` in the text format of Prometheus 2 and `1.0` \
                 elsewhere; here they are `1`.",
            )
            .of(&[
                "slo:latency:requests_rate5m",
                "-",
                "sum by (job) (",
                &format!("  label_replace({per_bucket}, \"le\", \"$1\", \"le\", \"(.+)\\\\.0\")"),
                "  and on (job, le)",
                "  slo:latency:objective_seconds",
                ")",
            ]),
    ]
}

/// Without traffic there is no ratio, rather than a division by zero.
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
        Record::as_(format!("{slo}:error_ratio_rate{window}")).of(&[
            &errors,
            "/",
            &format!("({requests} > 0)"),
        ])
    })
}

fn budget(objective: Objective) -> Record {
    let slo = format!("slo:{}", objective.word());
    Record::as_(format!("{slo}:error_budget_remaining_ratio")).of(&[
        "1 - (",
        &format!("  {}", over(&format!("{slo}:errors_rate5m"), "30d")),
        "  /",
        &format!("  ({} > 0)", over(&format!("{slo}:requests_rate5m"), "30d")),
        ")",
        "/ on (job)",
        &format!("(1 - {slo}:objective_ratio)"),
    ])
}

fn over(record: &str, window: &str) -> String {
    format!("sum_over_time({record}[{window}])")
}
