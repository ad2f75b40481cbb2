//! Tests of pushed metrics, which have the same series as the exposition.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use ::metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
    with_local_recorder,
};
use opentelemetry::{
    Context, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, TraceContextExt, TraceState},
};
use opentelemetry_proto::tonic::{
    common::v1::{KeyValue, any_value::Value},
    metrics::v1::{HistogramDataPoint, Metric, NumberDataPoint, metric::Data, number_data_point},
};
use prost::Message;

use super::{MetricsRequest, Points};
use crate::{
    catalog,
    config::CardinalityLimits,
    metrics::{
        Format, Metrics, MetricsHandle, MetricsOptions,
        strict_parser::{Labels, samples},
    },
    resource::Resource,
};

fn metrics_after(limit: usize, uses: impl FnOnce()) -> MetricsHandle {
    let metrics = Metrics::new(MetricsOptions {
        resource: vec![("service.name".into(), "orders".into())],
        buckets: vec![("order.value".into(), vec![10.0, 100.0])],
        cardinality: CardinalityLimits {
            each: Some(limit),
            ..CardinalityLimits::default()
        },
        ..MetricsOptions::default()
    });
    with_local_recorder(&metrics.recorder(), uses);
    metrics.handle()
}

fn resource() -> Resource {
    Resource::new(
        Some("orders".into()),
        None,
        Vec::new(),
        BTreeMap::new(),
        None,
    )
}

fn pushed(handle: &MetricsHandle) -> BTreeMap<String, Metric> {
    let requests = handle.to_otlp(&resource(), SystemTime::now());
    let metrics = requests.into_iter().flat_map(metrics_of);
    metrics
        .map(|metric| (metric.name.clone(), metric))
        .collect()
}

fn metrics_of(request: MetricsRequest) -> Vec<Metric> {
    let resources = request.request.resource_metrics.into_iter();
    let scopes = resources.flat_map(|resource| resource.scope_metrics);
    scopes.flat_map(|scope| scope.metrics).collect()
}

fn numbers(metric: &Metric) -> &[NumberDataPoint] {
    match metric.data.as_ref().unwrap() {
        Data::Sum(sum) => &sum.data_points,
        Data::Gauge(gauge) => &gauge.data_points,
        _ => &[],
    }
}

fn histograms(metric: &Metric) -> &[HistogramDataPoint] {
    match metric.data.as_ref().unwrap() {
        Data::Histogram(histogram) => &histogram.data_points,
        _ => &[],
    }
}

fn number(point: &NumberDataPoint) -> f64 {
    match point.value.unwrap() {
        number_data_point::Value::AsInt(value) => value as f64,
        number_data_point::Value::AsDouble(value) => value,
    }
}

/// The labels in the exposition for these attributes.
fn labels(attributes: &[KeyValue]) -> Labels {
    let label = |attribute: &KeyValue| {
        let value = attribute.value.as_ref().unwrap().value.as_ref().unwrap();
        match value {
            Value::BoolValue(value) => (attribute.key.replace('.', "_"), value.to_string()),
            Value::StringValue(value) => (attribute.key.clone(), value.clone()),
            _ => (attribute.key.clone(), String::new()),
        }
    };
    attributes.iter().map(label).collect()
}

/// The pushed metrics as samples of an exposition.
fn as_samples(metrics: &BTreeMap<String, Metric>) -> Vec<(String, Labels, String)> {
    let mut lines = Vec::new();
    for (name, metric) in metrics {
        for point in numbers(metric) {
            lines.push((
                name.clone(),
                labels(&point.attributes),
                number(point).to_string(),
            ));
        }
        for point in histograms(metric) {
            let labels = labels(&point.attributes);
            let mut below = 0;
            let bounds = point
                .explicit_bounds
                .iter()
                .map(|bound| format!("{bound:?}"));
            for (le, count) in bounds.chain(["+Inf".into()]).zip(&point.bucket_counts) {
                below += count;
                let mut labels = labels.clone();
                labels.insert("le".into(), le);
                lines.push((format!("{name}_bucket"), labels, below.to_string()));
            }
            let sum = point.sum.unwrap().to_string();
            lines.push((format!("{name}_sum"), labels.clone(), sum));
            lines.push((format!("{name}_count"), labels, point.count.to_string()));
        }
    }
    lines.sort();
    lines
}

#[test]
fn pushed_series_equal_the_exposition() {
    let handle = metrics_after(7, || {
        for text in [
            "",
            "plain",
            "\\",
            "\"",
            "\n",
            "a\\nb",
            "é",
            "c=\"1\",d=\"2\"",
        ] {
            counter!("orders.placed", "v" => text, "empty" => "").increment(2);
            gauge!("queue.depth", "v" => text, "a.b" => "2", "a_b" => "1").set(0.5);
            histogram!("order.value", "v" => text).record(50.0);
        }
        gauge!("unknown").set(f64::NAN);
        gauge!("endless").set(f64::INFINITY);
        histogram!("lat_seconds").record(f64::INFINITY);
    });
    // Process metrics change between the two readings, and `target_info` is not pushed.
    let is_excluded = |name: &str| name.starts_with("process_") || name.ends_with("_info");
    let mut exposition: Vec<_> = samples(&handle.render(Format::Text))
        .into_iter()
        .filter(|(name, ..)| !is_excluded(name))
        .map(|(name, labels, value)| (name, labels, value.replace("+Inf", "inf")))
        .collect();
    exposition.sort();
    let mut pushed = pushed(&handle);
    assert!(pushed.contains_key("build_info"));
    assert!(!pushed.contains_key("target_info"));
    pushed.retain(|name, _| !is_excluded(name));
    assert!(exposition.len() > 60, "{exposition:?}");
    assert_eq!(as_samples(&pushed), exposition);
}

#[test]
fn up_down_counters_are_non_monotonic_sums() {
    let handle = metrics_after(10, || {
        for name in catalog::UP_DOWN_COUNTERS {
            gauge!(*name).set(2.0);
        }
    });
    let pushed = pushed(&handle);
    for name in catalog::UP_DOWN_COUNTERS {
        let Some(Data::Sum(sum)) = &pushed[*name].data else {
            panic!("{name}: {:?}", pushed[*name].data);
        };
        assert!(!sum.is_monotonic, "{name}");
        // 2 is the number of `AGGREGATION_TEMPORALITY_CUMULATIVE`.
        assert_eq!(sum.aggregation_temporality, 2, "{name}");
        assert!(sum.data_points[0].start_time_unix_nano > 0, "{name}");
    }
}

#[test]
fn counters_are_monotonic_gauges_not() {
    let handle = metrics_after(10, || {
        counter!("c").increment(3);
        counter!("huge").absolute(u64::MAX);
        gauge!("g").set(-1.0);
    });
    let pushed = pushed(&handle);
    let Some(Data::Sum(sum)) = &pushed["c_total"].data else {
        unreachable!()
    };
    assert!(sum.is_monotonic);
    assert_eq!(
        sum.aggregation_temporality().as_str_name(),
        "AGGREGATION_TEMPORALITY_CUMULATIVE"
    );
    let [point] = &sum.data_points[..] else {
        unreachable!()
    };
    assert_eq!(point.value, Some(number_data_point::Value::AsInt(3)));
    assert!(0 < point.start_time_unix_nano && point.start_time_unix_nano <= point.time_unix_nano);
    let huge = numbers(&pushed["huge_total"])[0].value;
    assert_eq!(
        huge,
        Some(number_data_point::Value::AsDouble(u64::MAX as f64))
    );
    let gauge = &numbers(&pushed["g"])[0];
    assert_eq!((number(gauge), gauge.start_time_unix_nano), (-1.0, 0));
}

#[test]
fn units_are_declared_or_from_the_name() {
    let handle = metrics_after(10, || {
        describe_counter!("sent", Unit::Bytes, "Bytes sent.");
        describe_gauge!("workers", Unit::Count, "Workers.");
        describe_counter!("jobs", Unit::Count, "Jobs.");
        describe_histogram!("wait", Unit::Milliseconds, "");
        counter!("sent").increment(1);
        counter!("jobs").increment(1);
        gauge!("workers").set(1.0);
        histogram!("wait").record(1.0);
        histogram!("lat_seconds").record(1.0);
        gauge!("plain").set(1.0);
    });
    let pushed = pushed(&handle);
    for (name, unit, description) in [
        ("sent_total", "By", "Bytes sent."),
        ("jobs_total", "1", "Jobs."),
        // With a unit, the receiving Prometheus would add `_ratio` to the name.
        ("workers", "", "Workers."),
        ("wait", "ms", ""),
        ("lat_seconds", "s", ""),
        ("plain", "", ""),
        (
            "metrics_rejected_total",
            "{use}",
            "Rejected uses of metrics, by reason.",
        ),
    ] {
        let metric = &pushed[name];
        assert_eq!(
            (metric.unit.as_str(), metric.description.as_str()),
            (unit, description),
            "{name}"
        );
    }
}

#[test]
fn buckets_carry_exemplars() {
    let handle = metrics_after(10, || {
        let ids = (TraceId::from(0xabc), SpanId::from(0xdef));
        let state = TraceState::default();
        let span = SpanContext::new(ids.0, ids.1, TraceFlags::SAMPLED, true, state);
        let _attached = Context::new().with_remote_span_context(span).attach();
        histogram!("order.value").record(42.0);
    });
    let pushed = pushed(&handle);
    let [point] = histograms(&pushed["order_value"]) else {
        unreachable!()
    };
    assert_eq!(point.bucket_counts, [0, 1, 0]);
    assert_eq!(point.explicit_bounds, [10.0, 100.0]);
    let [exemplar] = &point.exemplars[..] else {
        unreachable!()
    };
    assert_eq!(exemplar.trace_id, TraceId::from(0xabc).to_bytes());
    assert_eq!(exemplar.span_id, SpanId::from(0xdef).to_bytes());
    let recorded = UNIX_EPOCH + Duration::from_nanos(exemplar.time_unix_nano);
    let age = SystemTime::now().duration_since(recorded).unwrap();
    assert!(age < Duration::from_secs(600), "{age:?}");
}

#[test]
fn large_exports_are_split_into_requests() {
    let handle = metrics_after(1_000, || {
        for id in 0..500 {
            counter!("c", "id" => id.to_string()).increment(1);
            histogram!("h", "id" => id.to_string()).record(1.0);
        }
    });
    let whole = handle.to_otlp(&resource(), SystemTime::now());
    let [whole] = &whole[..] else { unreachable!() };
    let max_bytes = 10_000;
    let mut points = Points::new(UNIX_EPOCH, SystemTime::now());
    handle.collect(&mut points);
    let parts = points.requests_within(&resource().to_proto(), max_bytes);
    assert!(parts.len() > 5, "{}", parts.len());
    for part in &parts {
        let bytes = part.request.encoded_len();
        assert!(bytes <= max_bytes, "{bytes}");
        let points = metrics_of(part.clone())
            .iter()
            .map(|m| numbers(m).len() + histograms(m).len())
            .sum::<usize>();
        assert_eq!(points, part.points);
        assert!(part.request.resource_metrics[0].resource.is_some());
    }
    assert_eq!(
        parts.iter().map(|part| part.points).sum::<usize>(),
        whole.points
    );
}

#[test]
fn clocks_set_back_keep_intervals_valid() {
    let points = Points::new(UNIX_EPOCH + Duration::from_secs(2), UNIX_EPOCH);
    assert_eq!(points.now, points.start);
}
