//! The comparison of recorded metrics with those that a program declares.

use std::collections::{BTreeMap, BTreeSet};

use super::exposition::{self, ExposedMetric, ExposedSeries};
use crate::{
    catalog::{self, Kind},
    metrics::{Bound, DeclaredMetric, Label},
};

/// The similarity from which an undeclared name is probably a misspelled one.
const SIMILAR: f64 = 0.8;

/// Compares an exposition with the metrics that a program declares.
///
/// Returns one sentence for each difference, which begins with the name of the metric:
///
/// - a metric is recorded and not declared, or declared as another kind;
/// - a series has a label that is not declared, a value that is not among those of the label, or there are more values
///   than declared;
/// - a metric is declared and has no event or sample, or none with one of its labels or with one of the declared values
///   of a label. Record in the test what each metric counts, also failures;
/// - a metric is recorded and not exposed, because another kind or metric has its name;
/// - `/metrics` does not have the declared help, because [`TelemetryConfig::declare`](crate::TelemetryConfig::declare)
///   was not called.
///
/// Metrics of firstlight and aliases need no declaration. A metric of a library can be declared, or left out of the
/// result by its name. `exposition` is the body of `/metrics`, or the metrics of a
/// [`Capture`](super::Capture::metrics).
///
/// ```
/// use firstlight::{TelemetryConfig, metrics::{DeclaredMetric, Format}};
/// use firstlight::testing::{Capture, metric_violations};
///
/// # fn main() -> Result<(), firstlight::InitError> {
/// const ORDERS: DeclaredMetric =
///     DeclaredMetric::counter("orders_accepted_total", "Orders that were accepted.");
///
/// let capture = Capture::start(TelemetryConfig::new().declare(&[ORDERS]))?;
/// metrics::counter!("order_accepted_total").increment(1);
///
/// let violations = metric_violations(&[ORDERS], &capture.metrics().render(Format::Text));
/// assert_eq!(
///     violations,
///     [
///         "order_accepted_total is recorded and not declared; a similar declaration is orders_accepted_total",
///         "orders_accepted_total is declared, and nothing has recorded it; record it in the test, or remove it",
///     ]
/// );
/// # Ok(())
/// # }
/// ```
pub fn metric_violations(declared: &[DeclaredMetric], exposition: &str) -> Vec<String> {
    let exposed = exposition::metrics(exposition);
    let mut violations = Vec::new();
    for (name, metric) in &exposed {
        let is_alias = metric.help.starts_with("Alias of ");
        let is_known = declared.iter().any(|it| it.name == name);
        if !is_known && !is_alias && catalog::find(name).is_none() {
            violations.push(undeclared(name, declared));
        }
    }
    violations.extend(rejected(&exposed));
    for metric in declared {
        let of_metric = match exposed.get(metric.name) {
            Some(exposed) => differences(metric, exposed),
            None => vec![never_recorded()],
        };
        let named = |violation| format!("{} {violation}", metric.name);
        violations.extend(of_metric.into_iter().map(named));
    }
    violations
}

fn undeclared(name: &str, declared: &[DeclaredMetric]) -> String {
    let similar = declared.iter().map(|metric| metric.name);
    let similar = similar.map(|known| (strsim::jaro_winkler(name, known), known));
    let similar = similar.max_by(|(a, _), (b, _)| a.total_cmp(b));
    match similar {
        Some((similarity, known)) if similarity > SIMILAR => {
            format!("{name} is recorded and not declared; a similar declaration is {known}")
        }
        _ => format!("{name} is recorded and not declared; declare it"),
    }
}

/// The metrics that have recorded nothing, because they were rejected.
///
/// The exposition has only their number. A declared metric that was recorded as another kind is among them.
fn rejected(exposed: &BTreeMap<String, ExposedMetric>) -> Option<String> {
    let name = catalog::METRICS_REJECTED.name;
    let series = exposed.get(name)?.series.iter();
    let reasons = series.filter(|series| series.value > 0.0);
    let reasons = reasons.flat_map(|series| &series.labels);
    let reasons: Vec<_> = reasons.map(|(_, reason)| reason.as_str()).collect();
    (!reasons.is_empty()).then(|| {
        format!(
            "{name} is more than 0 for {}; `/telemetry` names the metrics in `rejected`",
            reasons.join(", ")
        )
    })
}

fn never_recorded() -> String {
    "is declared, and nothing has recorded it; record it in the test, or remove it".to_owned()
}

/// The differences between a declared metric and what was recorded.
fn differences(metric: &DeclaredMetric, exposed: &ExposedMetric) -> Vec<String> {
    if exposed.kind != metric.kind.type_name() {
        return vec![format!(
            "is declared as {} and recorded as a {}",
            metric.kind.with_article(),
            exposed.kind
        )];
    }
    let mut differences = Vec::new();
    let series = &exposed.series;
    if metric.kind != Kind::Gauge && series.iter().all(|series| series.value == 0.0) {
        differences.push(never_recorded());
    } else {
        differences.extend(metric.labels.iter().flat_map(|label| {
            let recorded = values_of(
                label.name,
                series.iter().filter(|it| is_recorded(metric, it)),
            );
            unrecorded(label, &recorded)
        }));
    }
    if exposed.help != metric.help {
        differences.push(format!(
            "has the help {:?} and not the declared one; pass the declarations to TelemetryConfig::declare",
            exposed.help
        ));
    }
    let names = series.iter().flat_map(|series| &series.labels);
    let names: BTreeSet<_> = names.map(|(name, _)| &**name).collect();
    for name in names {
        let values = values_of(name, series.iter());
        differences.extend(label_differences(metric, name, &values));
    }
    differences
}

/// Whether a series is more than one that exists from the start.
fn is_recorded(metric: &DeclaredMetric, series: &ExposedSeries) -> bool {
    metric.kind == Kind::Gauge || series.value != 0.0
}

/// The values of a label.
fn values_of<'a>(name: &str, series: impl Iterator<Item = &'a ExposedSeries>) -> BTreeSet<&'a str> {
    let labels = series.flat_map(|series| &series.labels);
    let of_label = labels.filter(|(label, _)| label == name);
    of_label.map(|(_, value)| &**value).collect()
}

/// What is declared of a label, and not among the recorded values.
fn unrecorded(label: &Label, recorded: &BTreeSet<&str>) -> Vec<String> {
    let advice = "record it in the test, or remove it";
    let missing = match label.bound {
        _ if recorded.is_empty() => vec![label.name.to_owned()],
        Bound::AtMost(_) => Vec::new(),
        Bound::OneOf(known) => {
            let missing = known.iter().filter(|value| !recorded.contains(**value));
            missing
                .map(|value| format!("{}={value:?}", label.name))
                .collect()
        }
    };
    let sentence = |part| format!("is declared with {part}, and nothing has recorded it; {advice}");
    missing.into_iter().map(sentence).collect()
}

/// The differences between the recorded values of a label and its declaration.
fn label_differences(metric: &DeclaredMetric, name: &str, values: &BTreeSet<&str>) -> Vec<String> {
    if name == "otel_metric_overflow" {
        let limit = "has more series than its cardinality limit; see `/telemetry`";
        return vec![limit.to_owned()];
    }
    let Some(label) = metric.labels.iter().find(|label| label.name == name) else {
        let known: Vec<_> = metric.labels.iter().map(|label| label.name).collect();
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        };
        return vec![format!(
            "has the label {name}, which is not declared; declared: {known}"
        )];
    };
    match label.bound {
        Bound::OneOf(known) => {
            let unknown = values.iter().filter(|value| !known.contains(value));
            let difference = |value: &&str| {
                format!(
                    "has {name}={value:?}, which is not declared; declared: {}",
                    known.join(", ")
                )
            };
            unknown.map(difference).collect()
        }
        Bound::AtMost(most) if values.len() > most => vec![format!(
            "has {} values of {name}, expected at most {most}",
            values.len()
        )],
        Bound::AtMost(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::metric_violations;
    use crate::metrics::{DeclaredMetric, Label};

    const REJECTED: DeclaredMetric = DeclaredMetric::counter("rejected_total", "Rejected.")
        .labels(&[Label::one_of("reason", &["item", "quantity"])]);
    const ITEMS: DeclaredMetric = DeclaredMetric::histogram("items", "Items.");
    const TENANTS: DeclaredMetric =
        DeclaredMetric::gauge("waiting", "Waiting.").labels(&[Label::at_most("tenant", 1)]);
    const ALL: &[DeclaredMetric] = &[REJECTED, ITEMS, TENANTS];

    const GOOD: &str = "# HELP rejected_total Rejected.\n# TYPE rejected_total counter\nrejected_total{reason=\"item\"} 2\nrejected_total{reason=\"quantity\"} 1\n# HELP items Items.\n# TYPE items histogram\nitems_bucket{le=\"+Inf\"} 1\nitems_sum 2\nitems_count 1\n# HELP waiting Waiting.\n# TYPE waiting gauge\nwaiting{tenant=\"a\"} 0\n# TYPE process_threads gauge\nprocess_threads 4\n# HELP old Alias of items.\n# TYPE old gauge\nold 1\n";

    #[test]
    fn recorded_metrics_pass() {
        assert_eq!(metric_violations(ALL, GOOD), [""; 0]);
    }

    #[test]
    fn each_difference_is_named() {
        let added = |line: &str| format!("{GOOD}{line}\n");
        let missing =
            "items is declared, and nothing has recorded it; record it in the test, or remove it";
        for (exposition, expected) in [
            (
                added("# TYPE rejections_total counter\nrejections_total 1"),
                "rejections_total is recorded and not declared; a similar declaration is rejected_total",
            ),
            (
                added("# TYPE cpus gauge\ncpus 1"),
                "cpus is recorded and not declared; declare it",
            ),
            (
                GOOD.replace("TYPE waiting gauge", "TYPE waiting counter"),
                "waiting is declared as a gauge and recorded as a counter",
            ),
            (GOOD.replace("items_count 1", "items_count 0"), missing),
            (GOOD.replace("items_count 1", ""), missing),
            (
                GOOD.replace("{reason=\"item\"} 2", "{reason=\"item\"} 0"),
                "rejected_total is declared with reason=\"item\", and nothing has recorded it; record it in the test, or remove it",
            ),
            (
                GOOD.replace("{tenant=\"a\"}", ""),
                "waiting is declared with tenant, and nothing has recorded it; record it in the test, or remove it",
            ),
            (
                GOOD.replace("HELP items Items.", "HELP items Other."),
                "items has the help \"Other.\" and not the declared one; pass the declarations to TelemetryConfig::declare",
            ),
            (
                added(
                    "# TYPE metrics_rejected_total counter\nmetrics_rejected_total{reason=\"kind_conflict\"} 2\nmetrics_rejected_total{reason=\"too_many_names\"} 0",
                ),
                "metrics_rejected_total is more than 0 for kind_conflict; `/telemetry` names the metrics in `rejected`",
            ),
            (
                GOOD.replace("items_count 1", "items_count{kind=\"a\"} 1"),
                "items has the label kind, which is not declared; declared: none",
            ),
            (
                GOOD.replace(
                    "rejected_total{reason=\"quantity\"} 1",
                    "rejected_total{reason=\"quantity\"} 1\nrejected_total{reason=\"price\"} 1",
                ),
                "rejected_total has reason=\"price\", which is not declared; declared: item, quantity",
            ),
            (
                GOOD.replace(
                    "waiting{tenant=\"a\"} 0",
                    "waiting{tenant=\"a\"} 0\nwaiting{tenant=\"b\"} 0",
                ),
                "waiting has 2 values of tenant, expected at most 1",
            ),
            (
                GOOD.replace(
                    "waiting{tenant=\"a\"} 0",
                    "waiting{tenant=\"a\"} 0\nwaiting{otel_metric_overflow=\"true\"} 1",
                ),
                "waiting has more series than its cardinality limit; see `/telemetry`",
            ),
        ] {
            assert_eq!(metric_violations(ALL, &exposition), [expected]);
        }
    }
}
