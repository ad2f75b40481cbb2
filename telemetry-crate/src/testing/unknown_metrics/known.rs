//! The names that a query may use.

use std::collections::BTreeSet;

use crate::metrics::{
    DeclaredMetric,
    catalog::{self, Kind},
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

/// All names of series that have values.
pub(super) struct Known(BTreeSet<String>);

impl Known {
    /// The catalog, Prometheus' own metrics, declared metrics and other series.
    pub(super) fn new(declared: &[DeclaredMetric], others: &[&str]) -> Self {
        let mut names = BTreeSet::new();
        let of_library = catalog::ALL.iter().map(|metric| (metric.kind, metric.name));
        let declared = declared.iter().map(|metric| (metric.kind, metric.name));
        for (kind, name) in of_library.chain(declared) {
            match kind {
                Kind::Histogram => names.extend(parts(name)),
                _ => {
                    names.insert(name.to_owned());
                }
            }
        }
        let others = others.iter().chain(&PROMETHEUS).chain(&DECLARED);
        names.extend(others.map(|name| (*name).to_owned()));
        Self(names)
    }

    /// Adds names that rules record.
    pub(super) fn add(&mut self, recorded: Vec<String>) {
        self.0.extend(recorded);
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// The most similar name, unless all are very different.
    pub(super) fn most_similar(&self, name: &str) -> Option<String> {
        let names = self.0.iter();
        // Pairs of letters, because a rename may change the order of words.
        let names = names.map(|known| (strsim::sorensen_dice(name, known), known));
        names
            .max_by(|(one, _), (other, _)| one.total_cmp(other))
            .filter(|(similarity, _)| *similarity >= SIMILAR)
            .map(|(_, known)| known.clone())
    }
}

fn parts(histogram: &str) -> [String; 3] {
    PARTS.map(|part| format!("{histogram}{part}"))
}
