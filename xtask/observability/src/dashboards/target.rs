//! One query of a panel.

use serde_json::{Value, json};

use super::datasource;

/// The phase of the suite `live` in which a query must have values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// Ordinary load: requests with 2xx and 4xx, jobs, scheduled runs, cached reads.
    Traffic,
    /// Something is wrong: 5xx, slow requests, a starved pool, dead letters, dropped telemetry.
    Trouble,
    /// Calls to other services, and gRPC in both directions, neither of which every service has.
    Calls,
}

/// What Grafana asks Prometheus for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Values over the time range.
    Range,
    /// The newest value.
    Now,
    /// The newest values, one row per series.
    Rows,
    /// Buckets over the time range.
    Buckets,
}

/// The runtime's own latency, which is that of no request, job or run: it has no trace to lead to.
const OF_RUNTIME: &str = "tokio_scheduler_delay_seconds";

/// A query, its legend, and the load that fills it.
#[derive(Debug, Clone)]
pub struct Target {
    expr: String,
    legend: String,
    filled: Filled,
    pub(super) ask: Ask,
}

impl Target {
    /// The query, and the name of each of its series; `{{label}}` is the label's value.
    pub fn new(legend: &str, expr: impl Into<String>) -> Self {
        Self {
            expr: expr.into(),
            legend: legend.to_owned(),
            filled: Filled::Traffic,
            ask: Ask::Range,
        }
    }

    /// Ordinary load does not fill it.
    pub(crate) fn in_trouble(self) -> Self {
        self.filled_by(Filled::Trouble)
    }

    /// Only services that call others, or speak gRPC, fill it.
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

    /// The name of each series.
    pub fn legend(&self) -> &str {
        &self.legend
    }

    /// The load under which the query has values.
    pub fn filled(&self) -> Filled {
        self.filled
    }

    /// What is asked for.
    pub fn ask(&self) -> Ask {
        self.ask
    }

    /// Whether Grafana asks for exemplars: of every latency over time, because only samples of histograms have them.
    fn asks_for_exemplars(&self) -> bool {
        matches!(self.ask, Ask::Range | Ask::Buckets) && self.expr.contains("_seconds_bucket")
    }

    /// Whether a dot on the panel leads to a trace.
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
