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
    let within = with_matchers(
        &format!("{}_bucket", metric.name),
        &le_matcher(objective.within),
    );
    let all = selected(&format!("{}_count", metric.name));
    format!(
        "sum by ({by}) (rate({within}[{WINDOW}])) / (sum by ({by}) (rate({all}[{WINDOW}])) > 0)"
    )
}

/// The matcher of a bucket, however its bound is written.
///
/// `/metrics` has `1.0` and `1e-5`. Prometheus 3 stores the number as Go writes it, `1.0` and `1e-05`, and the bounds of
/// OTLP without an exponent.
fn le_matcher(bound: f64) -> String {
    let mut spellings = vec![format!("{bound:?}"), in_go(bound), bound.to_string()];
    spellings.dedup();
    match &*spellings {
        [spelling] => format!(",le=\"{spelling}\""),
        spellings => {
            let escaped = spellings
                .join("|")
                .replace('.', "\\\\.")
                .replace('+', "\\\\+");
            format!(",le=~\"{escaped}\"")
        }
    }
}

/// A positive number as Prometheus 3 writes it.
///
/// This is `strconv.FormatFloat(bound, 'g', -1, 64)`, with `.0` at the end of a whole number.
fn in_go(bound: f64) -> String {
    let scientific = format!("{bound:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return format!("{bound:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
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

#[cfg(test)]
mod tests {
    use super::le_matcher;

    #[test]
    fn bounds_match_in_every_spelling() {
        for (bound, expected) in [
            (0.25, r#",le="0.25""#),
            (0.0001, r#",le="0.0001""#),
            (3.0, r#",le=~"3\\.0|3""#),
            (100_000.0, r#",le=~"100000\\.0|100000""#),
            (5e-5, r#",le=~"5e-5|5e-05|0\\.00005""#),
            (
                1_048_576.0,
                r#",le=~"1048576\\.0|1\\.048576e\\+06|1048576""#,
            ),
        ] {
            assert_eq!(le_matcher(bound), expected);
        }
    }
}
