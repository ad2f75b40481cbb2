//! The program's declared metrics, and the settings that they imply.

use super::TelemetryConfig;
use crate::declared::DeclaredMetric;

impl TelemetryConfig {
    /// Declares metrics of the program.
    ///
    /// A declared metric has help, unit and buckets on `/metrics` and over OTLP, as after a `describe_*` macro. Its
    /// counters and histograms exist from the start with 0 if the values of all their labels are known, so that the
    /// first event is seen as an increase. A label with [`Label::at_most`](crate::metrics::Label::at_most) sets the
    /// metric's cardinality limit.
    ///
    /// A metric that is recorded without a declaration is recorded as before, and is listed at `/telemetry`. Later calls
    /// add to earlier ones.
    ///
    /// ```
    /// use firstlight::{TelemetryConfig, metrics::DeclaredMetric};
    ///
    /// const ORDERS: DeclaredMetric =
    ///     DeclaredMetric::counter("orders_accepted_total", "Orders that were accepted.");
    ///
    /// let config = TelemetryConfig::new().declare(&[ORDERS]);
    /// # drop(config);
    /// ```
    ///
    /// # Errors
    ///
    /// `init()` fails with [`InvalidMetric`](crate::InitError::InvalidMetric) if a declaration cannot work, such as one
    /// of a counter without `_total`, of a reserved label, or of a name that another metric has.
    pub fn declare(mut self, metrics: &[DeclaredMetric]) -> Self {
        self.declared.extend(metrics);
        self
    }
}

/// The declared buckets, followed by the configured ones, which win.
pub(super) fn buckets(
    declared: &[DeclaredMetric],
    configured: Vec<(String, Vec<f64>)>,
) -> Vec<(String, Vec<f64>)> {
    let own = declared.iter();
    let own = own.filter_map(|metric| Some((metric.name.to_owned(), metric.buckets?.to_vec())));
    own.chain(configured).collect()
}

/// The declared cardinality limits, followed by the configured ones, which win.
pub(super) fn cardinality_limits(
    declared: &[DeclaredMetric],
    configured: Vec<(String, usize)>,
) -> Vec<(String, usize)> {
    let own = declared.iter();
    let own = own.filter_map(|metric| Some((metric.name.to_owned(), metric.cardinality_limit()?)));
    own.chain(configured).collect()
}
