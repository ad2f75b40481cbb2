//! The catalog's metrics of the age of served data.

use super::{Kind, Metric};

/// Age of the served data, counted from just before the source was queried.
///
/// There are no semantic conventions for the age of data.
pub const DATA_SERVED_AGE: Metric = Metric {
    name: "data_served_age_seconds",
    kind: Kind::Histogram,
    unit: "s",
    labels: &["data_type"],
    // The bounds reach from the duration of a query to a day.
    buckets: Some(&[
        0.001, 0.01, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0,
        3_600.0, 86_400.0,
    ]),
    help: "Age of the data that was served.",
};

/// The declared maximum age of the data; 0 if the data must come from the source.
pub const DATA_STALENESS_BUDGET: Metric = Metric {
    name: "data_staleness_budget_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &["data_type"],
    buckets: None,
    help: "Declared maximum age of the data in seconds.",
};

/// Reads by result: the origin of the answer, or the reason why there was none.
///
/// Origins are `cache`, `source`, `replica`, and `shared`, if a concurrent read of the source had the answer. Reasons are
/// `refused`, if a replica was too far behind, and `failed`, for an error of the source.
pub const DATA_READS: Metric = Metric {
    name: "data_reads_total",
    kind: Kind::Counter,
    unit: "{read}",
    labels: &["data_type", "result"],
    buckets: None,
    help: "Reads of declared data by where the answer came from, or why there was none.",
};
