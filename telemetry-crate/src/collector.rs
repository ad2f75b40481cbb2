//! Metrics that are read from their source at each scrape or push.

use std::fmt::Debug;

use crate::catalog::Metric;

/// A source of samples that are kept outside the metrics registry.
pub(crate) trait Collector: Send + Sync + Debug {
    /// Adds the current samples; must not block.
    fn collect(&self, samples: &mut dyn Samples);
}

/// A sink for samples, in any order.
///
/// If two samples have the same name and labels, the first stays.
pub(crate) trait Samples {
    /// Adds one sample of a metric of the catalog that is not a histogram.
    fn sample(&mut self, metric: &Metric, labels: &[(&str, &str)], value: f64);
}
