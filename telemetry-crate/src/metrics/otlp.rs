//! Metrics as OTLP: the series of the page, for who has no Prometheus that scrapes it.
//!
//! Names and labels are those of the page, so that a dashboard works whichever way the numbers came
//! ([metrics data model](https://opentelemetry.io/docs/specs/otel/metrics/data-model/)). All temporality is cumulative,
//! as everything is that is counted here. What it leaves out: `target_info`, which is the resource of the request; the
//! minimum and the maximum of a histogram, which are not kept; and sending.

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
    sink::{About, Sink},
};
use crate::collector::Samples;
use crate::proto::{attribute, nanos, text};

/// The attribute of the series that takes the rest, as the
/// [specification](https://opentelemetry.io/docs/specs/otel/metrics/sdk/#overflow-attribute) spells it; the page has
/// underscores in its place.
const OVERFLOW_ATTRIBUTE: &str = "otel.metric.overflow";

/// Samples that become requests.
#[derive(Debug)]
pub(super) struct Points {
    start: u64,
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
    /// Counters count since `start`, and everything is as it is `now`.
    pub(super) fn new(start: SystemTime, now: SystemTime) -> Self {
        let start = nanos(start);
        Self {
            start,
            // A clock that was set back must not make an interval that ends before it starts.
            now: nanos(now).max(start),
            metrics: BTreeMap::new(),
        }
    }

    fn stream(&mut self, about: About<'_>) -> &mut Stream {
        let name = about.name.to_owned();
        self.metrics.entry(name).or_insert_with(|| Stream {
            kind: about.kind,
            description: about.help,
            unit: unit(about.kind, about.unit),
            points: BTreeMap::new(),
        })
    }

    fn number(&self, about: &About<'_>, labels: &str, value: number_data_point::Value) -> Point {
        // A gauge has no beginning.
        let is_sum = about.kind == Kind::Counter || catalog::UP_DOWN_COUNTERS.contains(&about.name);
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
            // The page counts a bucket and all below; OTLP counts each alone, and leaves the last bound out.
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
    fn family(&mut self, about: About<'_>, series: &[(Arc<str>, Series)]) {
        let made: Vec<_> = series
            .iter()
            .map(|(labels, series)| {
                let point = match series {
                    Series::Counter(value) => {
                        self.number(&about, labels, count(value.load(Ordering::Relaxed)))
                    }
                    Series::Gauge(value) => {
                        let value = f64::from_bits(value.load(Ordering::Relaxed));
                        self.number(&about, labels, number_data_point::Value::AsDouble(value))
                    }
                    Series::Histogram(histogram) => self.histogram(labels, histogram),
                };
                (Arc::clone(labels), point)
            })
            .collect();
        let points = &mut self.stream(about).points;
        for (labels, point) in made {
            points.entry(labels).or_insert(point);
        }
    }
}

/// Whole, as long as OTLP can say it.
fn count(value: u64) -> number_data_point::Value {
    i64::try_from(value).map_or(
        number_data_point::Value::AsDouble(value as f64),
        number_data_point::Value::AsInt,
    )
}

/// A gauge of unit `1` is called a ratio, with a suffix that the page does not have, by what turns OTLP into Prometheus'
/// names ([Prometheus compatibility](https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/#metric-metadata-1)).
fn unit(kind: Kind, unit: Cow<'static, str>) -> Cow<'static, str> {
    if unit == "1" && matches!(kind, Kind::Gauge | Kind::Info) {
        Cow::Borrowed("")
    } else {
        unit
    }
}

/// The labels as they were before they were escaped for the page.
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
