//! Tests of the receiver with logs, metrics and compressed bodies over HTTP.

use std::{
    io::Write as _,
    time::{Duration, UNIX_EPOCH},
};

use flate2::{Compression, write::GzEncoder};
use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest},
    common::v1::any_value::Value,
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    metrics::v1::{
        Exemplar, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
        ScopeMetrics, Sum, exemplar, metric::Data, number_data_point,
    },
};
use prost::Message as _;

use super::{DEADLINE, OtlpReceiver, attribute, export_of, send, send_with, server_span};

const PROTOBUF: &str = "application/x-protobuf";

pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn logs() -> ExportLogsServiceRequest {
    let record = LogRecord {
        time_unix_nano: 1_000_000_000,
        severity_number: 13,
        severity_text: "WARN".to_owned(),
        body: attribute("", Value::StringValue("stock is low".to_owned())).value,
        attributes: vec![attribute("orders", Value::IntValue(3))],
        flags: 1,
        trace_id: vec![0xab; 16],
        span_id: vec![0x01; 8],
        ..LogRecord::default()
    };
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            scope_logs: vec![ScopeLogs {
                scope: Some(crate::proto::scope("orders::stock")),
                log_records: vec![record],
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    }
}

fn number(value: number_data_point::Value) -> NumberDataPoint {
    NumberDataPoint {
        value: Some(value),
        attributes: vec![attribute("queue", Value::StringValue("mail".to_owned()))],
        ..NumberDataPoint::default()
    }
}

pub(super) fn metrics() -> ExportMetricsServiceRequest {
    let sum = Sum {
        data_points: vec![number(number_data_point::Value::AsInt(3))],
        aggregation_temporality: 2,
        is_monotonic: true,
    };
    let gauge = Gauge {
        data_points: vec![number(number_data_point::Value::AsDouble(0.5))],
    };
    let histogram = Histogram {
        data_points: vec![HistogramDataPoint {
            count: 3,
            sum: Some(1.5),
            bucket_counts: vec![2, 1],
            explicit_bounds: vec![1.0],
            exemplars: vec![Exemplar {
                trace_id: vec![0xab; 16],
                span_id: vec![0x01; 8],
                time_unix_nano: 1_000_000_000,
                value: Some(exemplar::Value::AsDouble(0.25)),
                ..Exemplar::default()
            }],
            ..HistogramDataPoint::default()
        }],
        aggregation_temporality: 1,
    };
    let metric = |name: &str, unit: &str, data| Metric {
        name: name.to_owned(),
        unit: unit.to_owned(),
        data: Some(data),
        ..Metric::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            scope_metrics: vec![ScopeMetrics {
                metrics: vec![
                    metric("jobs_total", "1", Data::Sum(sum)),
                    metric("depth", "", Data::Gauge(gauge)),
                    metric("wait_seconds", "s", Data::Histogram(histogram)),
                ],
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}

#[test]
fn log_records_are_readable() {
    let receiver = OtlpReceiver::start().unwrap();
    let (head, _) = send(
        &receiver,
        "POST /v1/logs",
        PROTOBUF,
        &logs().encode_to_vec(),
    );
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let logs = receiver.wait_for_logs(DEADLINE, |logs| !logs.is_empty());
    let [log] = &logs[..] else { unreachable!() };
    assert_eq!(log.time, UNIX_EPOCH + Duration::from_secs(1));
    assert_eq!((log.severity.as_str(), log.severity_number), ("WARN", 13));
    assert_eq!(log.body, "stock is low");
    assert_eq!(log.attributes["orders"], "3");
    assert_eq!(
        (log.trace_id.as_str(), log.span_id.as_str()),
        ("ab".repeat(16).as_str(), "01".repeat(8).as_str())
    );
    assert!(log.is_sampled);
    assert_eq!(log.scope, "orders::stock");
    assert_eq!(receiver.logs(), logs);
}

#[test]
fn every_kind_of_metric_is_readable() {
    let receiver = OtlpReceiver::start().unwrap();
    let (head, _) = send(
        &receiver,
        "POST /v1/metrics",
        PROTOBUF,
        &metrics().encode_to_vec(),
    );
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let metrics = receiver.wait_for_metrics(DEADLINE, |metrics| !metrics.is_empty());
    let [jobs, depth, wait] = &metrics[..] else {
        unreachable!()
    };
    assert_eq!(
        (jobs.name.as_str(), jobs.kind, jobs.unit.as_str()),
        ("jobs_total", "sum", "1")
    );
    assert!(jobs.is_monotonic && jobs.is_cumulative);
    assert_eq!(
        (
            jobs.points[0].value,
            jobs.points[0].attributes["queue"].as_str()
        ),
        (3.0, "mail")
    );
    assert_eq!((depth.kind, depth.points[0].value), ("gauge", 0.5));
    assert_eq!((wait.kind, wait.is_cumulative), ("histogram", false));
    let point = &wait.points[0];
    assert_eq!((point.value, point.count), (1.5, 3));
    assert_eq!(
        (&point.bounds[..], &point.bucket_counts[..]),
        (&[1.0][..], &[2, 1][..])
    );
    assert_eq!(point.exemplars[0].trace_id, "ab".repeat(16));
    assert_eq!(point.exemplars[0].value, 0.25);
    assert_eq!(receiver.metrics(), metrics);
}

#[test]
fn compressed_bodies_are_accepted() {
    let receiver = OtlpReceiver::start().unwrap();
    let body = gzip(&export_of(vec![server_span()]).encode_to_vec());
    let more = "content-encoding: gzip\r\nauthorization: Bearer abc\r\n";
    let (head, _) = send_with(&receiver, "POST /v1/traces", PROTOBUF, more, &body);
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert_eq!(receiver.spans().len(), 1);
    let requests = receiver.requests();
    let [request] = &requests[..] else {
        unreachable!()
    };
    assert_eq!(
        (
            request.path.as_str(),
            request.protocol,
            request.encoding.as_str()
        ),
        ("/v1/traces", "http/protobuf", "gzip")
    );
    assert_eq!(request.headers["authorization"], "Bearer abc");
}

#[test]
fn invalid_or_huge_gzip_is_rejected() {
    let receiver = OtlpReceiver::start().unwrap();
    let bomb = gzip(&vec![0; super::super::body::MAX_BODY_BYTES + 1]);
    assert!(bomb.len() < 1_000_000);
    for (encoding, body, status) in [
        ("gzip", &b"plain"[..], "400"),
        ("gzip", &bomb, "413"),
        ("br", b"x", "415"),
    ] {
        let more = format!("content-encoding: {encoding}\r\n");
        let (head, _) = send_with(&receiver, "POST /v1/traces", PROTOBUF, &more, body);
        assert!(
            head.starts_with(&format!("http/1.1 {status}")),
            "{encoding}: {head}"
        );
    }
    assert_eq!(receiver.requests().len(), 3);
}
