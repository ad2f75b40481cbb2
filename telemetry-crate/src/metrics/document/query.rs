//! PromQL over the declared metrics.
//!
//! It selects the services and instances that the dashboard selects.

use crate::declared::{DeclaredMetric, Objective};

/// The labels that identify a service in a Prometheus.
///
/// Targets may lack the first two.
pub(super) const SERVICE: [&str; 3] = ["cluster", "namespace", "job"];

/// Grafana's window for rates, which spans at least four scrapes.
const WINDOW: &str = "$__rate_interval";

/// The number of series that a panel shows.
const MOST: u8 = 10;

/// The selected series of this name.
pub(super) fn selected(series: &str) -> String {
    with_matchers(series, "")
}

fn with_matchers(series: &str, more: &str) -> String {
    let variables = SERVICE.iter().chain(&["instance"]);
    let matchers: Vec<_> = variables
        .map(|label| format!("{label}=~\"${label}\""))
        .collect();
    format!("{series}{{{}{more}}}", matchers.join(","))
}

/// Events per second of each service, by the labels of the metric.
pub(super) fn per_second(metric: &DeclaredMetric, series: &str) -> String {
    let by = labels(metric, &[]).join(", ");
    let selected = selected(series);
    top(&format!("sum by ({by}) (rate({selected}[{WINDOW}]))"))
}

/// The value of each instance, by the labels of the metric.
///
/// Of a Unix time, the seconds since then.
pub(super) fn value(metric: &DeclaredMetric) -> String {
    let by = labels(metric, &["instance"]).join(", ");
    let value = format!("max by ({by}) ({})", selected(metric.name));
    if metric.is_timestamp() {
        top(&format!("time() - {value}"))
    } else {
        top(&value)
    }
}

/// A quantile of a histogram's samples, by the labels of the metric.
pub(super) fn quantile(metric: &DeclaredMetric, quantile: f64) -> String {
    let by = labels(metric, &[]).join(", ");
    let buckets = selected(&format!("{}_bucket", metric.name));
    top(&format!(
        "histogram_quantile({quantile}, sum by ({by}, le) (rate({buckets}[{WINDOW}])))"
    ))
}

/// The share of a histogram's samples that are within the objective.
///
/// One for each service. Absent without samples.
pub(super) fn share(metric: &DeclaredMetric, objective: Objective) -> String {
    let by = SERVICE.join(", ");
    // The text format of Prometheus 2 has `1` for the bound `1.0`.
    let bound = objective.within.to_string();
    let bound = if objective.within.fract() == 0.0 {
        format!(",le=~\"{bound}(\\\\.0)?\"")
    } else {
        format!(",le=\"{bound}\"")
    };
    let within = with_matchers(&format!("{}_bucket", metric.name), &bound);
    let all = selected(&format!("{}_count", metric.name));
    format!(
        "sum by ({by}) (rate({within}[{WINDOW}])) / (sum by ({by}) (rate({all}[{WINDOW}])) > 0)"
    )
}

/// A number, as a line over the whole range.
pub(super) fn constant(number: f64) -> String {
    format!("vector({number})")
}

/// The labels of a service, those of `part`, and those of the metric.
pub(super) fn labels<'a>(metric: &DeclaredMetric, part: &[&'a str]) -> Vec<&'a str> {
    let own = metric.labels.iter().map(|label| label.name);
    SERVICE
        .into_iter()
        .chain(part.iter().copied())
        .chain(own)
        .collect()
}

/// The legend of a series with these labels.
///
/// A label that a series lacks is empty.
pub(super) fn legend(labels: &[&str]) -> String {
    let labels: Vec<_> = labels
        .iter()
        .map(|label| format!("{{{{{label}}}}}"))
        .collect();
    labels.join(" ")
}

/// The largest series, so that a panel stays legible.
fn top(query: &str) -> String {
    format!("topk({MOST}, {query})")
}
