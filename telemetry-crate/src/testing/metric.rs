//! A received metric, as plain types.
//!
//! Exponential histograms and summaries have no points here, and points have no flags.

use std::{collections::BTreeMap, time::SystemTime};

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    metrics::v1::{
        AggregationTemporality, Exemplar, HistogramDataPoint, Metric, NumberDataPoint, exemplar,
        metric::Data, number_data_point,
    },
};

use super::value::{Attributes, attributes_of, hex, resource_of, time_of};

/// A metric as the collector would have received it in one export.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ReceivedMetric {
    /// The name, such as `http_server_request_duration_seconds`.
    pub name: String,
    /// The description of the metric.
    pub description: String,
    /// The unit in UCUM, such as `s` or `By`; may be empty.
    pub unit: String,
    /// The kind of the metric.
    ///
    /// `sum`, `gauge`, `histogram`, `exponential_histogram`, `summary`, or empty if it has no data.
    pub kind: &'static str,
    /// Whether a sum never decreases, which Prometheus calls a counter.
    pub is_monotonic: bool,
    /// Whether a sum or a histogram counts from its start.
    ///
    /// Otherwise it counts from the last export. All metrics of Prometheus are cumulative.
    pub is_cumulative: bool,
    /// One point per set of attributes.
    pub points: Vec<ReceivedPoint>,
    /// The instrumentation scope's name.
    pub scope: String,
    /// The resource of the sender: `service.name` and further attributes.
    pub resource: BTreeMap<String, String>,
}

/// One point of a [`ReceivedMetric`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ReceivedPoint {
    /// The attributes, which Prometheus calls labels.
    pub attributes: BTreeMap<String, String>,
    /// The start of counting, by the sender's clock; the Unix epoch for a gauge.
    pub start: SystemTime,
    /// The time of the export, by the sender's clock.
    pub time: SystemTime,
    /// The value; for a histogram the sum of its samples.
    pub value: f64,
    /// The number of samples of a histogram; 0 for other kinds.
    pub count: u64,
    /// The inclusive upper bounds of a histogram's buckets, without infinity.
    pub bounds: Vec<f64>,
    /// The number of samples in each bucket; one more than `bounds`.
    pub bucket_counts: Vec<u64>,
    /// Samples with the spans in which they were recorded.
    pub exemplars: Vec<ReceivedExemplar>,
}

/// An exemplar of a [`ReceivedPoint`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ReceivedExemplar {
    /// The trace id: 32 lowercase hexadecimal digits.
    pub trace_id: String,
    /// The span id: 16 lowercase hexadecimal digits.
    pub span_id: String,
    /// The time of the sample, by the sender's clock.
    pub time: SystemTime,
    /// The value of the sample.
    pub value: f64,
}

/// Returns all metrics of one export, in the order in which they were sent.
pub(super) fn metrics_of(request: ExportMetricsServiceRequest) -> Vec<ReceivedMetric> {
    let mut received = Vec::new();
    for group in request.resource_metrics {
        let resource = resource_of(group.resource);
        for scope_metrics in group.scope_metrics {
            let scope = scope_metrics
                .scope
                .map(|scope| scope.name)
                .unwrap_or_default();
            let metrics = scope_metrics.metrics.into_iter();
            received.extend(metrics.map(|metric| metric_of(metric, &resource, &scope)));
        }
    }
    received
}

fn metric_of(metric: Metric, resource: &Attributes, scope: &str) -> ReceivedMetric {
    let mut received = ReceivedMetric {
        name: metric.name,
        description: metric.description,
        unit: metric.unit,
        kind: "",
        is_monotonic: false,
        is_cumulative: false,
        points: Vec::new(),
        scope: scope.to_owned(),
        resource: resource.clone(),
    };
    let is_cumulative = |temporality| temporality == i32::from(AggregationTemporality::Cumulative);
    match metric.data {
        None => {}
        Some(Data::Sum(sum)) => {
            received.kind = "sum";
            received.is_monotonic = sum.is_monotonic;
            received.is_cumulative = is_cumulative(sum.aggregation_temporality);
            received.points = sum.data_points.into_iter().map(number_of).collect();
        }
        Some(Data::Gauge(gauge)) => {
            received.kind = "gauge";
            received.points = gauge.data_points.into_iter().map(number_of).collect();
        }
        Some(Data::Histogram(histogram)) => {
            received.kind = "histogram";
            received.is_cumulative = is_cumulative(histogram.aggregation_temporality);
            received.points = histogram
                .data_points
                .into_iter()
                .map(histogram_of)
                .collect();
        }
        Some(Data::ExponentialHistogram(_)) => received.kind = "exponential_histogram",
        Some(Data::Summary(_)) => received.kind = "summary",
    }
    received
}

fn number_of(point: NumberDataPoint) -> ReceivedPoint {
    ReceivedPoint {
        attributes: attributes_of(point.attributes),
        start: time_of(point.start_time_unix_nano),
        time: time_of(point.time_unix_nano),
        value: match point.value {
            None => f64::NAN,
            Some(number_data_point::Value::AsDouble(value)) => value,
            Some(number_data_point::Value::AsInt(value)) => value as f64,
        },
        count: 0,
        bounds: Vec::new(),
        bucket_counts: Vec::new(),
        exemplars: point.exemplars.into_iter().map(exemplar_of).collect(),
    }
}

fn histogram_of(point: HistogramDataPoint) -> ReceivedPoint {
    ReceivedPoint {
        attributes: attributes_of(point.attributes),
        start: time_of(point.start_time_unix_nano),
        time: time_of(point.time_unix_nano),
        value: point.sum.unwrap_or(f64::NAN),
        count: point.count,
        bounds: point.explicit_bounds,
        bucket_counts: point.bucket_counts,
        exemplars: point.exemplars.into_iter().map(exemplar_of).collect(),
    }
}

fn exemplar_of(exemplar: Exemplar) -> ReceivedExemplar {
    ReceivedExemplar {
        trace_id: hex(&exemplar.trace_id),
        span_id: hex(&exemplar.span_id),
        time: time_of(exemplar.time_unix_nano),
        value: match exemplar.value {
            None => f64::NAN,
            Some(exemplar::Value::AsDouble(value)) => value,
            Some(exemplar::Value::AsInt(value)) => value as f64,
        },
    }
}
