//! Metrics that a program declares.
//!
//! A declaration has the name, kind, unit, labels and help of one metric, as an entry of the
//! [catalog](crate::catalog) has them for the metrics of this crate. It also has what the program knows and the library
//! cannot: the values of labels, an objective, a limit.

use crate::catalog::Kind;

/// A metric that the program declares, beside the code that records it.
///
/// [`TelemetryConfig::declare`](crate::TelemetryConfig::declare) applies declarations: help, unit and buckets of
/// `/metrics` come from there, and series whose labels are known exist from the start, at 0.
/// [`MetricDocument`](crate::metrics::MetricDocument) makes a table and a dashboard of them, and
/// `testing::metric_violations` compares them with what a test has recorded.
///
/// The program records with the macros of the `metrics` crate, by the declared name:
///
/// ```
/// use firstlight::metrics::{DeclaredMetric, Label};
/// use metrics::{counter, histogram};
///
/// const ORDERS_REJECTED: DeclaredMetric =
///     DeclaredMetric::counter("orders_rejected_total", "Orders that were rejected.")
///         .labels(&[Label::one_of("reason", &["item", "quantity"])]);
/// const ORDER_SECONDS: DeclaredMetric =
///     DeclaredMetric::histogram("order_acceptance_seconds", "Time to accept an order.")
///         .objective(0.99, 0.25);
///
/// /// All metrics of the program.
/// pub const ALL: &[DeclaredMetric] = &[ORDERS_REJECTED, ORDER_SECONDS];
///
/// counter!(ORDERS_REJECTED.name, "reason" => "item").increment(1);
/// histogram!(ORDER_SECONDS.name).record(0.031);
/// ```
///
/// A declaration is checked when telemetry starts and when documents are made, not when it is written: see
/// [`InvalidMetric`](crate::InitError::InvalidMetric).
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct DeclaredMetric {
    /// The name in the exposition, with its suffixes.
    ///
    /// They are `_total` for a counter, and `_seconds` or `_bytes` for these units.
    pub name: &'static str,
    /// Counter, gauge or histogram.
    pub kind: Kind,
    /// One sentence, which is the text of `# HELP`.
    pub help: &'static str,
    /// What is counted, such as `{item}`.
    ///
    /// Empty if the name has the unit, or if there is none.
    pub unit: &'static str,
    /// All labels that a series can have.
    pub labels: &'static [Label],
    /// Upper bounds of a histogram's buckets, or `None` for the defaults of its unit.
    pub buckets: Option<&'static [f64]>,
    /// The objective of a histogram.
    pub objective: Option<Objective>,
    /// The limit of a gauge, which a dashboard shows beside the value.
    pub limit: Option<f64>,
}

/// The share of a histogram's samples that must be small enough.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Objective {
    /// The least share, such as 0.99.
    pub share: f64,
    /// The largest sample that is small enough, in the unit of the histogram.
    pub within: f64,
}

impl DeclaredMetric {
    /// Declares a counter, whose name ends in `_total`.
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(Kind::Counter, name, help)
    }

    /// Declares a gauge.
    ///
    /// If the name ends in `_timestamp_seconds`, the value is a Unix time, and the dashboard shows the time since then.
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(Kind::Gauge, name, help)
    }

    /// Declares a histogram.
    pub const fn histogram(name: &'static str, help: &'static str) -> Self {
        Self::new(Kind::Histogram, name, help)
    }

    const fn new(kind: Kind, name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            kind,
            help,
            unit: "",
            labels: &[],
            buckets: None,
            objective: None,
            limit: None,
        }
    }

    /// Sets what is counted, as an annotation of UCUM such as `{item}`.
    ///
    /// Seconds and bytes need no unit here, because the name has it.
    pub const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// Sets all labels that a series can have.
    pub const fn labels(mut self, labels: &'static [Label]) -> Self {
        self.labels = labels;
        self
    }

    /// Sets the upper bounds of a histogram's buckets, in increasing order.
    ///
    /// [`TelemetryConfig::buckets`](crate::TelemetryConfig::buckets) takes precedence, and has the defaults.
    pub const fn buckets(mut self, bounds: &'static [f64]) -> Self {
        self.buckets = Some(bounds);
        self
    }

    /// Sets the objective of a histogram: `share` of its samples are at most `within`.
    ///
    /// `within` is one of the upper bounds of the buckets, because no other share can be queried exactly.
    pub const fn objective(mut self, share: f64, within: f64) -> Self {
        self.objective = Some(Objective { share, within });
        self
    }

    /// Sets the limit of a gauge, such as the size of a queue.
    pub const fn limit(mut self, limit: f64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Whether the value is a Unix time.
    ///
    /// Prometheus' [naming](https://prometheus.io/docs/practices/naming/) has the suffix.
    pub(crate) fn is_timestamp(&self) -> bool {
        self.kind == Kind::Gauge && self.name.ends_with("_timestamp_seconds")
    }

    /// The number of series that the labels allow, or `None` if it overflows.
    pub(crate) fn max_series(&self) -> Option<usize> {
        let counts = self.labels.iter().map(|label| label.bound.len());
        counts.into_iter().try_fold(1, usize::checked_mul)
    }

    /// The cardinality limit that the labels declare.
    ///
    /// `None` if the values of all labels are known. A value that is missing in the declaration is then still recorded,
    /// and a test finds it.
    pub(crate) fn cardinality_limit(&self) -> Option<usize> {
        let is_counted = |label: &Label| matches!(label.bound, Bound::AtMost(_));
        let is_counted = self.labels.iter().any(is_counted);
        self.max_series().filter(|series| is_counted && *series > 0)
    }
}

/// A label of a [`DeclaredMetric`], with a bound on its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Label {
    /// The name.
    pub name: &'static str,
    /// The bound on the values.
    pub bound: Bound,
}

/// The bound on the values of a [`Label`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bound {
    /// These values only.
    OneOf(&'static [&'static str]),
    /// At most so many different values.
    AtMost(usize),
}

impl Label {
    /// A label with these values only.
    pub const fn one_of(name: &'static str, values: &'static [&'static str]) -> Self {
        Self {
            name,
            bound: Bound::OneOf(values),
        }
    }

    /// A label with at most so many different values.
    ///
    /// The program does not know the values in advance.
    ///
    /// The product of all bounds is the metric's
    /// [cardinality limit](crate::TelemetryConfig::cardinality_limit), unless one is configured.
    pub const fn at_most(name: &'static str, values: usize) -> Self {
        Self {
            name,
            bound: Bound::AtMost(values),
        }
    }
}

impl Bound {
    /// The largest number of different values.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::OneOf(values) => values.len(),
            Self::AtMost(values) => values,
        }
    }
}
