//! The values of a capture's metrics, by name and labels.
//!
//! Metrics are read as they would be pushed: names are those of the exposition, and values those that a dashboard would
//! show. Buckets and exemplars are in the exposition that [`Capture::metrics`] renders.

use std::{fmt, time::SystemTime};

use super::{Capture, ReceivedMetric, metric::metrics_of};

/// The number of samples of a histogram and their sum.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct HistogramSum {
    /// The number of samples.
    pub count: u64,
    /// The sum of the samples, in the metric's unit.
    pub sum: f64,
}

impl Capture {
    /// Returns the value of a counter or a gauge, over all series with these labels.
    ///
    /// `name` is the metric's name in the exposition. Returns `None` if there is no such series.
    ///
    /// ```
    /// let capture = firstlight::testing::capture();
    /// metrics::counter!("orders_total", "kind" => "new", "shop" => "a").increment(1);
    /// metrics::counter!("orders_total", "kind" => "new", "shop" => "b").increment(1);
    /// assert_eq!(capture.metric("orders_total", [("kind", "new")]), Some(2.0));
    /// assert_eq!(capture.metric("orders_total", [("kind", "old")]), None);
    /// ```
    pub fn metric<const N: usize>(&self, name: &str, labels: [(&str, &str); N]) -> Option<f64> {
        let series = self.series(name);
        let with = series.iter().filter(|series| series.has(&labels));
        with.filter(|series| !series.is_histogram)
            .map(|series| series.value)
            .reduce(|sum, value| sum + value)
    }

    /// Returns the samples of a histogram, over all series with these labels.
    ///
    /// `name` is the metric's name in the exposition. Returns `None` if there is no such series.
    pub fn histogram<const N: usize>(
        &self,
        name: &str,
        labels: [(&str, &str); N],
    ) -> Option<HistogramSum> {
        let series = self.series(name);
        let with = series.iter().filter(|series| series.has(&labels));
        let with = with.filter(|series| series.is_histogram);
        let sums = with.map(|series| HistogramSum {
            count: series.count,
            sum: series.value,
        });
        sums.reduce(|one, other| HistogramSum {
            count: one.count + other.count,
            sum: one.sum + other.sum,
        })
    }

    /// Returns the series of one metric.
    pub(super) fn series(&self, name: &str) -> Vec<Series> {
        let requests = self.requests(SystemTime::now());
        let metrics = requests
            .into_iter()
            .flat_map(|part| metrics_of(part.request));
        let named = metrics.filter(|metric: &ReceivedMetric| metric.name == name);
        let series = named.flat_map(|metric| {
            let is_histogram = metric.kind == "histogram";
            metric.points.into_iter().map(move |point| Series {
                labels: point.attributes.into_iter().collect(),
                is_histogram,
                value: point.value,
                count: point.count,
            })
        });
        series.collect()
    }
}

/// One series of a metric.
#[derive(Debug)]
pub(super) struct Series {
    labels: Vec<(String, String)>,
    is_histogram: bool,
    /// The value; for a histogram the sum of its samples.
    value: f64,
    count: u64,
}

impl Series {
    fn has(&self, labels: &[(&str, &str)]) -> bool {
        labels.iter().all(|(name, value)| {
            let mut own = self.labels.iter();
            own.any(|(known, own)| known == name && own == value)
        })
    }
}

/// Shows labels and value similar to the exposition.
impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = self.labels.iter();
        let labels: Vec<_> = labels
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        write!(f, "{{{}}} {}", labels.join(","), self.value)
    }
}
