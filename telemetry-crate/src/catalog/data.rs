//! The part of the catalogue about the age of what is served.

use super::{Kind, Metric};

/// How old the data was that was served, counted from the moment before its source was asked.
///
/// There are no semantic conventions for the age of data.
pub const DATA_SERVED_AGE: Metric = Metric {
    name: "data_served_age_seconds",
    kind: Kind::Histogram,
    unit: "s",
    labels: &["data_type"],
    // From a query's duration to a day.
    buckets: Some(&[
        0.001, 0.01, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0,
        3_600.0, 86_400.0,
    ]),
    help: "Age of the data that was served.",
};

/// How old the data may be, as declared; 0 if only the source will do.
pub const DATA_STALENESS_BUDGET: Metric = Metric {
    name: "data_staleness_budget_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &["data_type"],
    buckets: None,
    help: "Declared maximum age of the data in seconds.",
};

/// Reads by where the answer came from: `cache`, `source`, `shared` (another read's question to the source), `replica`; or
/// by why there was none: `refused` (a replica too far behind) and `failed` (the source's error).
pub const DATA_READS: Metric = Metric {
    name: "data_reads_total",
    kind: Kind::Counter,
    unit: "{read}",
    labels: &["data_type", "result"],
    buckets: None,
    help: "Reads of declared data by where the answer came from, or why there was none.",
};
