//! The names, labels and values that a query may use.

use std::collections::BTreeSet;

use super::promql::{FUNCTIONS, Selector};
use crate::{
    declared::Bound,
    metrics::{
        DeclaredMetric,
        catalog::{self, Kind},
    },
};

/// Metrics that Prometheus adds to each target, and those about alerts.
const PROMETHEUS: [&str; 11] = [
    "ALERTS",
    "ALERTS_FOR_STATE",
    "scrape_body_size_bytes",
    "scrape_duration_seconds",
    "scrape_sample_limit",
    "scrape_samples_post_metric_relabeling",
    "scrape_samples_scraped",
    "scrape_series_added",
    "scrape_timeout_seconds",
    "target_limit",
    "up",
];

/// Labels that series have apart from declared ones.
///
/// Prometheus or this library adds them, or the usual configurations of targets.
const TARGET: [&str; 21] = [
    "__name__",
    "cluster",
    "container",
    "endpoint",
    "environment",
    "host",
    "instance",
    "job",
    "le",
    "namespace",
    "node",
    "otel_metric_overflow",
    "pod",
    "prometheus",
    "prometheus_replica",
    "quantile",
    "region",
    "replica",
    "service",
    "team",
    "zone",
];

/// The series with which a service declares its objectives.
///
/// The shared rules read them, also if no service declares any.
const DECLARED: [&str; 3] = [
    "slo:availability:declared_objective_ratio",
    "slo:latency:declared_objective_ratio",
    "slo:latency:declared_objective_seconds",
];

/// The metrics of `postgres_exporter` in firstlight's dashboards and rules.
///
/// For the list of other metrics that [`unknown_metrics`](super::unknown_metrics) takes.
pub const POSTGRES_EXPORTER: &[&str] = &[
    "pg_blocked_sessions",
    "pg_locks_count",
    "pg_replication_lag_seconds",
    "pg_settings_max_connections",
    "pg_stat_activity_count",
    "pg_stat_activity_max_tx_duration",
    "pg_stat_database_blks_hit",
    "pg_stat_database_blks_read",
    "pg_stat_database_deadlocks",
    "pg_stat_replication_pg_wal_lsn_diff",
    "pg_stat_statements_calls_total",
    "pg_stat_statements_rows_total",
    "pg_stat_statements_seconds_total",
    "pg_stat_user_tables_n_dead_tup",
    "pg_up",
];

/// The parts of a histogram.
const PARTS: [&str; 3] = ["_bucket", "_count", "_sum"];

/// The least similarity of a name that is suggested; 1.0 is the same name.
const SIMILAR: f64 = 0.5;

/// All series that have values.
pub(super) struct Known<'a> {
    names: BTreeSet<String>,
    declared: &'a [DeclaredMetric],
    /// Labels of all series, apart from [`TARGET`].
    labels: BTreeSet<&'a str>,
    functions: BTreeSet<&'a str>,
}

impl<'a> Known<'a> {
    /// The catalog, Prometheus' own metrics, declared metrics and other series.
    ///
    /// Among the others, `{label}` is a label of all series, and `name()` a function.
    pub(super) fn new(declared: &'a [DeclaredMetric], others: &[&'a str]) -> Self {
        let mut names = BTreeSet::new();
        let of_library = catalog::ALL.iter().map(|metric| (metric.kind, metric.name));
        let of_service = declared.iter().map(|metric| (metric.kind, metric.name));
        for (kind, name) in of_library.chain(of_service) {
            match kind {
                Kind::Histogram => names.extend(parts(name)),
                _ => {
                    names.insert(name.to_owned());
                }
            }
        }
        let label = |other: &&'a str| other.strip_prefix('{')?.strip_suffix('}');
        let labels = others.iter().filter_map(label).collect();
        let function = |other: &&'a str| other.strip_suffix("()");
        let functions = others.iter().filter_map(function);
        let functions = functions.chain(FUNCTIONS.lines()).collect();
        let others = others.iter().chain(&PROMETHEUS).chain(&DECLARED);
        names.extend(others.map(|name| (*name).to_owned()));
        Self {
            names,
            declared,
            labels,
            functions,
        }
    }

    /// Adds names that rules record.
    pub(super) fn add(&mut self, recorded: Vec<String>) {
        self.names.extend(recorded);
    }

    /// An unknown function, such as `incraese()`, and the most similar one.
    pub(super) fn unknown_function(&self, name: &str) -> Option<(String, Option<String>)> {
        if self.functions.contains(name) {
            return None;
        }
        let lower = name.to_ascii_lowercase();
        // Pairs of letters say little about short names.
        let similarity = |known| strsim::normalized_damerau_levenshtein(&lower, known);
        let similar = most_similar(self.functions.iter().copied(), similarity);
        let shown = |name: String| format!("{name}()");
        Some((shown(name.to_owned()), similar.map(shown)))
    }

    /// What no series has, and the most similar that some have.
    ///
    /// The name of a metric, or of a declared one with a label (`a_total{b}`) or a value (`a_total{b="c"}`).
    pub(super) fn unknown(&self, selector: &Selector<'_>) -> Vec<(String, Option<String>)> {
        let Selector { name, matchers } = selector;
        if !self.names.contains(name) {
            let names = self.names.iter().map(String::as_str);
            return vec![(name.clone(), similar_to(name, names))];
        }
        let is_named = |metric: &&DeclaredMetric| match metric.kind {
            Kind::Histogram => parts(metric.name).contains(name),
            _ => metric.name == name,
        };
        let Some(metric) = self.declared.iter().find(is_named) else {
            return Vec::new();
        };
        let mut unknown = Vec::new();
        for matcher in matchers {
            let label = matcher.label;
            let Some(declared) = metric.labels.iter().find(|it| it.name == label) else {
                if !label.is_empty() && !TARGET.contains(&label) && !self.labels.contains(label) {
                    let names = metric.labels.iter().map(|label| label.name);
                    let similar = similar_to(label, names);
                    let similar = similar.map(|label| format!("{name}{{{label}}}"));
                    unknown.push((format!("{name}{{{label}}}"), similar));
                }
                continue;
            };
            let Bound::OneOf(values) = declared.bound else {
                continue;
            };
            let shown = |value: &str| format!("{name}{{{label}={value:?}}}");
            for value in matcher.values() {
                if !values.contains(&value) {
                    let similar = similar_to(value, values.iter().copied());
                    unknown.push((shown(value), similar.as_deref().map(shown)));
                }
            }
        }
        unknown
    }
}

/// Whether a rule records an objective that no rule reads.
///
/// Has the most similar one that firstlight's rules read.
pub(super) fn unread_objective(recorded: &str) -> Option<Option<String>> {
    let is_declared = recorded.starts_with("slo:") && recorded.contains("declared");
    // The rules of firstlight record `slo:latency:service_declared_objective_seconds` from the declared ones.
    let is_own = recorded.contains(":service_declared_");
    let is_unread = is_declared && !is_own && !DECLARED.contains(&recorded);
    is_unread.then(|| similar_to(recorded, DECLARED.into_iter()))
}

/// The most similar name, label or value.
///
/// It has the same pairs of letters, because a rename may change the order of words.
fn similar_to<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    most_similar(known, |known| strsim::sorensen_dice(text, known))
}

/// The most similar text, unless all are very different.
fn most_similar<'a>(
    known: impl Iterator<Item = &'a str>,
    similarity: impl Fn(&'a str) -> f64,
) -> Option<String> {
    let known = known.map(|known| (similarity(known), known));
    known
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .map(|(_, known)| known.to_owned())
}

fn parts(histogram: &str) -> [String; 3] {
    PARTS.map(|part| format!("{histogram}{part}"))
}
