//! Metrics as OTLP data points, for services that no Prometheus scrapes.
//!
//! Names and labels are the same as in the exposition, so that one dashboard serves scraped and pushed metrics
//! ([metrics data model](https://opentelemetry.io/docs/specs/otel/metrics/data-model/)). The temporality is cumulative.
//! `target_info` is left out, because the request carries the resource. A histogram's minimum and maximum are left out,
//! because they are not recorded.

mod requests;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::SystemTime,
};

use opentelemetry_proto::tonic::{
    common::v1::{KeyValue, any_value::Value},
    metrics::v1::{
        Exemplar as ProtoExemplar, HistogramDataPoint, NumberDataPoint, exemplar, number_data_point,
    },
};

pub(crate) use self::requests::MetricsRequest;
use super::{
    canonical::{self, Labels},
    catalog::{self, Kind, Metric},
    exemplar::Exemplar,
    family::OVERFLOW,
    handle::Series,
    histogram::Histogram,
    sink::{Descriptor, Sink},
};
use crate::collector::Samples;
use crate::proto::{attribute, nanos, text};

/// The attribute of the overflow series.
///
/// Spelled as in the [specification](https://opentelemetry.io/docs/specs/otel/metrics/sdk/#overflow-attribute). The
/// exposition has underscores instead of dots.
const OVERFLOW_ATTRIBUTE: &str = "otel.metric.overflow";

/// Data points of all metrics, which become requests.
#[derive(Debug)]
pub(super) struct Points {
    /// The start of all counts, in nanoseconds since the Unix epoch.
    start: u64,
    /// The time of the points, in nanoseconds since the Unix epoch.
    now: u64,
    metrics: BTreeMap<String, Stream>,
}

/// The points of one metric, by labels.
#[derive(Debug)]
struct Stream {
    kind: Kind,
    description: Cow<'static, str>,
    unit: Cow<'static, str>,
    points: BTreeMap<Arc<str>, Point>,
}

#[derive(Debug)]
enum Point {
    Number(NumberDataPoint),
    Histogram(HistogramDataPoint),
}

impl Points {
    /// An empty collection, for counts that began at `start` and are read at `now`.
    pub(super) fn new(start: SystemTime, now: SystemTime) -> Self {
        let start = nanos(start);
        Self {
            start,
            // A clock that was set back must not produce an interval that ends before it starts.
            now: nanos(now).max(start),
            metrics: BTreeMap::new(),
        }
    }

    fn stream(&mut self, descriptor: Descriptor<'_>) -> &mut Stream {
        let name = descriptor.name.to_owned();
        self.metrics.entry(name).or_insert_with(|| Stream {
            kind: descriptor.kind,
            description: descriptor.help,
            unit: unit(descriptor.kind, descriptor.unit),
            points: BTreeMap::new(),
        })
    }

    fn number(
        &self,
        descriptor: &Descriptor<'_>,
        labels: &str,
        value: number_data_point::Value,
    ) -> Point {
        // Only sums have a start time. Gauges have none.
        let is_sum = descriptor.kind == Kind::Counter
            || catalog::UP_DOWN_COUNTERS.contains(&descriptor.name);
        Point::Number(NumberDataPoint {
            attributes: attributes(labels),
            start_time_unix_nano: if is_sum { self.start } else { 0 },
            time_unix_nano: self.now,
            value: Some(value),
            ..NumberDataPoint::default()
        })
    }

    fn histogram(&self, labels: &str, histogram: &Histogram) -> Point {
        let mut point = HistogramDataPoint {
            attributes: attributes(labels),
            start_time_unix_nano: self.start,
            time_unix_nano: self.now,
            sum: Some(histogram.sum()),
            ..HistogramDataPoint::default()
        };
        for bucket in histogram.buckets() {
            // OTLP's bucket counts are not cumulative, and its last bucket has no bound.
            point.bucket_counts.push(bucket.cumulative - point.count);
            point.count = bucket.cumulative;
            if bucket.le.is_finite() {
                point.explicit_bounds.push(bucket.le);
            }
            point.exemplars.extend(bucket.exemplar.map(exemplar_of));
        }
        Point::Histogram(point)
    }
}

impl Samples for Points {
    fn sample(&mut self, metric: &Metric, labels: &[(&str, &str)], value: f64) {
        if metric.name == catalog::TARGET_INFO.name {
            return;
        }
        let labels = Labels::new(metric.kind, labels.iter().copied()).text();
        let value = number_data_point::Value::AsDouble(value);
        let point = self.number(&metric.into(), &labels, value);
        let points = &mut self.stream(metric.into()).points;
        points.entry(labels.into()).or_insert(point);
    }
}

impl Sink for Points {
    fn family(&mut self, descriptor: Descriptor<'_>, series: &[(Arc<str>, Series)]) {
        let new: Vec<_> = series
            .iter()
            .map(|(labels, series)| {
                let point = match series {
                    Series::Counter(value) => {
                        self.number(&descriptor, labels, count(value.load(Ordering::Relaxed)))
                    }
                    Series::Gauge(value) => {
                        let value = f64::from_bits(value.load(Ordering::Relaxed));
                        let value = number_data_point::Value::AsDouble(value);
                        self.number(&descriptor, labels, value)
                    }
                    Series::Histogram(histogram) => self.histogram(labels, histogram),
                };
                (Arc::clone(labels), point)
            })
            .collect();
        let points = &mut self.stream(descriptor).points;
        for (labels, point) in new {
            points.entry(labels).or_insert(point);
        }
    }
}

/// A count as an integer, or as a double if it does not fit OTLP's `i64`.
fn count(value: u64) -> number_data_point::Value {
    i64::try_from(value).map_or(
        number_data_point::Value::AsDouble(value as f64),
        number_data_point::Value::AsInt,
    )
}

/// The unit of a metric, which is empty for a gauge of unit `1`.
///
/// A receiver that converts OTLP to Prometheus' names adds `_ratio` to a gauge of unit `1`, which the exposition does not
/// do
/// ([Prometheus compatibility](https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/#metric-metadata-1)).
fn unit(kind: Kind, unit: Cow<'static, str>) -> Cow<'static, str> {
    if unit == "1" && matches!(kind, Kind::Gauge | Kind::Info) {
        Cow::Borrowed("")
    } else {
        unit
    }
}

/// The labels of a series as attributes, without the escapes of the exposition.
fn attributes(labels: &str) -> Vec<KeyValue> {
    if labels == OVERFLOW {
        return vec![attribute(OVERFLOW_ATTRIBUTE, Value::BoolValue(true))];
    }
    canonical::pairs(labels)
        .map(|(name, value)| attribute(name, text(canonical::unescape(value))))
        .collect()
}

fn exemplar_of(exemplar: Exemplar) -> ProtoExemplar {
    ProtoExemplar {
        time_unix_nano: exemplar.recorded.saturating_mul(1_000_000),
        trace_id: exemplar.trace_id.to_bytes().to_vec(),
        span_id: exemplar.span_id.to_bytes().to_vec(),
        value: Some(exemplar::Value::AsDouble(exemplar.value)),
        ..ProtoExemplar::default()
    }
}
