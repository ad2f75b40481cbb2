//! Targets: the queries of a panel.

use serde_json::{Value, json};

use super::datasource;

/// The phase of the end-to-end suite `live` in which a query must have values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// Ordinary load: requests with 2xx and 4xx, jobs, scheduled runs, cached reads.
    Traffic,
    /// Faults: 5xx, slow requests, an exhausted pool, dead letters, dropped telemetry.
    Trouble,
    /// Calls to other services, and gRPC in both directions.
    ///
    /// Not every service has them.
    Calls,
}

/// The kind of result that Grafana requests from Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Values over the time range.
    Range,
    /// The newest value of each series.
    Now,
    /// The newest values, as a table with one row per series.
    Rows,
    /// Buckets over the time range.
    Buckets,
}

/// The latency of the runtime, whose samples have no exemplars.
///
/// It is not measured inside a request, a job or a run, so it has no trace.
const OF_RUNTIME: &str = "tokio_scheduler_delay_seconds";

/// A query, its legend, and the load under which it has values.
#[derive(Debug, Clone)]
pub struct Target {
    expr: String,
    legend: String,
    filled: Filled,
    pub(super) ask: Ask,
}

impl Target {
    /// A query with its legend, in which `{{label}}` is the value of a label.
    pub fn new(legend: &str, expr: impl Into<String>) -> Self {
        Self {
            expr: expr.into(),
            legend: legend.to_owned(),
            filled: Filled::Traffic,
            ask: Ask::Range,
        }
    }

    /// Marks a query that has no values under ordinary load.
    pub(crate) fn in_trouble(self) -> Self {
        self.filled_by(Filled::Trouble)
    }

    /// Marks a query that has values only if the service makes calls or serves gRPC.
    pub(crate) fn in_calls(self) -> Self {
        self.filled_by(Filled::Calls)
    }

    fn filled_by(mut self, filled: Filled) -> Self {
        self.filled = filled;
        self
    }

    /// The query.
    pub fn expr(&self) -> &str {
        &self.expr
    }

    /// The legend of the series.
    pub fn legend(&self) -> &str {
        &self.legend
    }

    /// The load under which the query has values.
    pub fn filled(&self) -> Filled {
        self.filled
    }

    /// The kind of result.
    pub fn ask(&self) -> Ask {
        self.ask
    }

    /// Whether Grafana requests exemplars, which it does for histograms over time.
    ///
    /// A single bucket, with a matcher of `le`, is a part of a share, whose axis is not that of the samples.
    fn asks_for_exemplars(&self) -> bool {
        let has_samples = self.expr.contains("_seconds_bucket") && !self.expr.contains(",le=");
        matches!(self.ask, Ask::Range | Ask::Buckets) && has_samples
    }

    /// Whether the panel shows exemplars that link to traces.
    pub fn has_exemplars(&self) -> bool {
        self.asks_for_exemplars() && !self.expr.contains(OF_RUNTIME)
    }

    pub(super) fn json(&self, index: u8) -> Value {
        let (format, instant) = match self.ask {
            Ask::Range => ("time_series", false),
            Ask::Now => ("time_series", true),
            Ask::Rows => ("table", true),
            Ask::Buckets => ("heatmap", false),
        };
        json!({
            "datasource": datasource(),
            "editorMode": "code",
            "exemplar": self.asks_for_exemplars(),
            "expr": self.expr,
            "format": format,
            "instant": instant,
            "legendFormat": self.legend,
            "range": !instant,
            "refId": char::from(b'A' + index % 26).to_string(),
        })
    }
}
