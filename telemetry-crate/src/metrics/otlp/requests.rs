//! Splits data points into requests that collectors accept.
//!
//! A collector rejects a gRPC message of more than 4 MiB after decompression, at every attempt. So many series become
//! several requests. The points of one metric may be in two of them, which OTLP permits. A single
//! point is always smaller than the limit, because labels are bounded.

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    metrics::v1::{
        AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
        ResourceMetrics, ScopeMetrics, Sum, metric::Data,
    },
    resource::v1::Resource,
};
use prost::Message;

use super::{Point, Points, Stream};
use crate::{
    catalog::{self, Kind},
    proto::scope,
};

/// The size in bytes at which a request is split.
///
/// Half of the default limit of gRPC servers, because the sizes below are estimates.
const MAX_REQUEST_BYTES: usize = 2 * 1024 * 1024;

/// Overhead of a nested message in bytes: a tag, and a length of up to five bytes.
const FRAME: usize = 6;

/// One request, and the number of its data points.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MetricsRequest {
    pub(crate) request: ExportMetricsServiceRequest,
    pub(crate) points: usize,
}

/// A request to which points are being added.
#[derive(Debug, Default)]
struct OpenRequest {
    metrics: Vec<Metric>,
    points: usize,
    bytes: usize,
}

impl Points {
    /// The requests, each with the resource. Empty if there are no points.
    pub(in crate::metrics) fn requests(self, resource: &Resource) -> Vec<MetricsRequest> {
        self.requests_within(resource, MAX_REQUEST_BYTES)
    }

    /// Like [`requests`](Self::requests), with the given size limit.
    pub(super) fn requests_within(
        self,
        resource: &Resource,
        max_bytes: usize,
    ) -> Vec<MetricsRequest> {
        let resource_bytes = resource.encoded_len();
        let mut full = Vec::new();
        let mut open = OpenRequest::default();
        for (name, mut stream) in self.metrics {
            let metadata_bytes =
                name.len() + stream.description.len() + stream.unit.len() + 5 * FRAME;
            let mut points = Vec::with_capacity(stream.points.len());
            open.bytes += metadata_bytes;
            for point in std::mem::take(&mut stream.points).into_values() {
                let bytes = point.encoded_len() + FRAME;
                if open.points > 0 && resource_bytes + open.bytes + bytes > max_bytes {
                    open.metrics
                        .extend(stream.metric(&name, std::mem::take(&mut points)));
                    full.push(std::mem::take(&mut open));
                    open.bytes = metadata_bytes;
                }
                open.bytes += bytes;
                open.points += 1;
                points.push(point);
            }
            open.metrics.extend(stream.metric(&name, points));
        }
        if open.points > 0 {
            full.push(open);
        }
        full.into_iter()
            .map(|open| MetricsRequest {
                points: open.points,
                request: request(resource, open.metrics),
            })
            .collect()
    }
}

impl Stream {
    /// A metric of these points, or `None` if there are none.
    fn metric(&self, name: &str, points: Vec<Point>) -> Option<Metric> {
        if points.is_empty() {
            return None;
        }
        let cumulative = AggregationTemporality::Cumulative.into();
        let data = match self.kind {
            Kind::Counter => Data::Sum(Sum {
                data_points: points.into_iter().filter_map(Point::number).collect(),
                aggregation_temporality: cumulative,
                is_monotonic: true,
            }),
            Kind::Gauge if catalog::UP_DOWN_COUNTERS.contains(&name) => Data::Sum(Sum {
                data_points: points.into_iter().filter_map(Point::number).collect(),
                aggregation_temporality: cumulative,
                is_monotonic: false,
            }),
            Kind::Gauge | Kind::Info => Data::Gauge(Gauge {
                data_points: points.into_iter().filter_map(Point::number).collect(),
            }),
            Kind::Histogram => Data::Histogram(Histogram {
                data_points: points.into_iter().filter_map(Point::histogram).collect(),
                aggregation_temporality: cumulative,
            }),
        };
        Some(Metric {
            name: name.to_owned(),
            description: self.description.clone().into_owned(),
            unit: self.unit.clone().into_owned(),
            data: Some(data),
            ..Metric::default()
        })
    }
}

impl Point {
    fn encoded_len(&self) -> usize {
        match self {
            Self::Number(point) => point.encoded_len(),
            Self::Histogram(point) => point.encoded_len(),
        }
    }

    fn number(self) -> Option<NumberDataPoint> {
        match self {
            Self::Number(point) => Some(point),
            Self::Histogram(_) => None,
        }
    }

    fn histogram(self) -> Option<HistogramDataPoint> {
        match self {
            Self::Histogram(point) => Some(point),
            Self::Number(_) => None,
        }
    }
}

fn request(resource: &Resource, metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
    let mut scope = scope(env!("CARGO_PKG_NAME"));
    env!("CARGO_PKG_VERSION").clone_into(&mut scope.version);
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource.clone()),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope),
                metrics,
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}
