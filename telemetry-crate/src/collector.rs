//! What is read whenever metrics are asked for.

use std::fmt::Debug;

use crate::catalog::Metric;

/// Reads numbers that are kept elsewhere, whenever metrics are asked for: by a scrape or by a push.
pub(crate) trait Collector: Send + Sync + Debug {
    /// Adds its samples. Must not block.
    fn collect(&self, samples: &mut dyn Samples);
}

/// Takes samples, in any order. Of two with the same name and labels the first stays.
pub(crate) trait Samples {
    /// Adds one sample of a metric of the catalogue that is not a histogram.
    fn sample(&mut self, metric: &Metric, labels: &[(&str, &str)], value: f64);
}
