//! Metrics of served answers: their age and their origin.

use std::time::Duration;

use metrics::{Counter, Histogram};

use crate::catalog;

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// An entry of the cache.
    Cache,
    /// The source, read by this call.
    Source,
    /// The source, read by another call for which this call waited.
    Shared,
    /// A replica, or a cache of another library.
    Replica,
}

/// Metric handles of one type of data.
pub(super) struct ReadMetrics {
    pub(super) age: Histogram,
    cache: Counter,
    source: Counter,
    shared: Counter,
    replica: Counter,
    refused: Counter,
    failed: Counter,
}

impl ReadMetrics {
    pub(super) fn new(data_type: &'static str, window: Duration) -> Self {
        metrics::gauge!(catalog::DATA_STALENESS_BUDGET.name, "data_type" => data_type).set(window);
        let reads = |result: &'static str| metrics::counter!(catalog::DATA_READS.name, "data_type" => data_type, "result" => result);
        Self {
            age: metrics::histogram!(catalog::DATA_SERVED_AGE.name, "data_type" => data_type),
            cache: reads("cache"),
            source: reads("source"),
            shared: reads("shared"),
            replica: reads("replica"),
            refused: reads("refused"),
            failed: reads("failed"),
        }
    }

    pub(super) fn served(&self, origin: Origin, age: Duration) {
        self.age.record(age);
        let reads = match origin {
            Origin::Cache => &self.cache,
            Origin::Source => &self.source,
            Origin::Shared => &self.shared,
            Origin::Replica => &self.replica,
        };
        reads.increment(1);
    }

    pub(super) fn refused(&self) {
        self.refused.increment(1);
    }

    pub(super) fn failed(&self) {
        self.failed.increment(1);
    }
}
