//! Tests of the whole signal, from the macros to the exposition.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod aliases;
mod cardinality;
mod catalog;
mod exporter;
mod scrape;
mod stress;

use std::collections::BTreeSet;

use ::metrics::{counter, describe_counter, describe_gauge, gauge, histogram, with_local_recorder};
use opentelemetry::{
    Context, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, TraceContextExt, TraceState},
};

use super::{
    Format, Metrics, MetricsHandle, MetricsOptions,
    strict_parser::{Labels, samples},
};
use crate::catalog::{self as metric_catalog, HTTP_SERVER_ACTIVE_REQUESTS};

fn metrics_after(uses: impl FnOnce()) -> MetricsHandle {
    let metrics = Metrics::new(MetricsOptions {
        resource: vec![
            ("service.name".into(), "orders".into()),
            ("service.version".into(), "1.2.3".into()),
            ("odd \"key\"".into(), "C:\\new\n".into()),
        ],
        buckets: vec![("order.value".into(), vec![10.0, 100.0])],
        ..MetricsOptions::default()
    });
    with_local_recorder(&metrics.recorder(), uses);
    metrics.handle()
}

/// The labels and values of all series of a metric.
fn values(handle: &MetricsHandle, name: &str) -> Vec<(Labels, String)> {
    let all = samples(&handle.render(Format::Text)).into_iter();
    all.filter(|sample| sample.0 == name)
        .map(|(_, labels, value)| (labels, value))
        .collect()
}

fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

fn in_sampled_span(uses: impl FnOnce()) {
    let ids = (TraceId::from(0xabc), SpanId::from(0xdef));
    let span = SpanContext::new(
        ids.0,
        ids.1,
        TraceFlags::SAMPLED,
        true,
        TraceState::default(),
    );
    let _attached = Context::new().with_remote_span_context(span).attach();
    uses();
}

#[test]
fn label_values_are_escaped_losslessly() {
    let tricky = ["\\", "\"", "\n", "n", " ", "}"];
    let mut texts = vec![String::new()];
    for _ in 0..3 {
        let longer = |text: &String| tricky.map(|piece| format!("{text}{piece}"));
        texts = texts.iter().flat_map(longer).collect();
    }
    let others = [
        "\r",
        "\0",
        "é",
        "\u{2028}",
        "{a=\"1\"} 2",
        " # {a=\"1\"} 2 3",
        "\\",
        "\"",
        "\n",
    ];
    texts.extend(others.map(ToOwned::to_owned));
    let handle = metrics_after(|| {
        for text in &texts {
            counter!("c", "v" => text.clone()).increment(1);
            gauge!("g", "v" => text.clone()).set(1.0);
            histogram!("h", "v" => text.clone()).record(1.0);
        }
    });
    let expected: BTreeSet<_> = texts.iter().cloned().collect();
    for name in ["c_total", "g", "h_count"] {
        let values = values(&handle, name);
        assert!(values.iter().all(|(_, value)| value == "1"), "{name}");
        let seen: BTreeSet<_> = values
            .into_iter()
            .map(|(labels, _)| labels["v"].clone())
            .collect();
        assert_eq!(seen, expected, "{name}");
    }
    samples(&handle.render(Format::OpenMetrics));
}

#[test]
fn names_that_become_equal_share_one_series() {
    let handle = metrics_after(|| {
        counter!("foo.bar").increment(1);
        counter!("foo_bar").increment(100);
        counter!("foo bar_total").increment(1_000);
        histogram!("lat.a", "k.x" => "1").record(1.0);
        histogram!("lat_a", "k_x" => "1", "empty" => "").record(1.0);
        gauge!("g", "a" => "1", "b" => "2").set(1.0);
        gauge!("g", "b" => "2", "a" => "1").increment(1.0);
        gauge!("merged", "a_b" => "2", "a.b" => "1", "le" => "x", "__name__" => "y").set(1.0);
    });
    assert_eq!(
        values(&handle, "foo_bar_total"),
        [(labels([]), "1101".into())]
    );
    assert_eq!(
        values(&handle, "lat_a_count"),
        [(labels([("k_x", "1")]), "2".into())]
    );
    assert_eq!(
        values(&handle, "g"),
        [(labels([("a", "1"), ("b", "2")]), "2".into())]
    );
    let expected = labels([("a_b", "1;2"), ("le", "x"), ("exported___name__", "y")]);
    assert_eq!(values(&handle, "merged"), [(expected, "1".into())]);
}

#[test]
fn first_kind_of_a_name_wins() {
    let handle = metrics_after(|| {
        counter!("both").increment(1);
        gauge!("both").set(5.0);
        gauge!("both_total").set(5.0);
        histogram!("lat").record(1.0);
        gauge!("lat_count").set(5.0);
        counter!("lat_sum").increment(1);
        gauge!("logging_events_total").set(5.0);
        gauge!("both").set(5.0);
    });
    assert_eq!(values(&handle, "both_total"), [(labels([]), "1".into())]);
    assert_eq!(values(&handle, "lat_count"), [(labels([]), "1".into())]);
    // All uses but the first of `both` and of `lat` are rejected. `gauge both` is used twice and listed once.
    let rejected = values(&handle, "metrics_rejected_total");
    assert_eq!(
        rejected[0],
        (labels([("reason", "kind_conflict")]), "6".into())
    );
    assert_eq!(
        rejected[1],
        (labels([("reason", "too_many_names")]), "0".into())
    );
    let names: Vec<_> = handle.rejected().iter().map(ToString::to_string).collect();
    assert_eq!(names.len(), 5, "{names:?}");
    assert!(names[0].starts_with("gauge both is not recorded: both_total is a counter already"));
    // The counter `lat_sum` becomes `lat_sum_total`. Its OpenMetrics family is `lat_sum`, which is a line of `lat`.
    assert!(
        names
            .iter()
            .any(|name| name.starts_with("counter lat_sum_total")),
        "{names:?}"
    );
}

#[test]
fn number_of_names_is_bounded() {
    let handle = metrics_after(|| {
        for index in 0..1_500 {
            counter!(format!("m{index}")).increment(1);
        }
        gauge!(HTTP_SERVER_ACTIVE_REQUESTS.name).set(1.0);
    });
    assert_eq!(
        values(&handle, "http_server_active_requests").len(),
        1,
        "metrics of the catalog always have room"
    );
    let exposition = samples(&handle.render(Format::Text));
    assert_eq!(
        exposition
            .iter()
            .filter(|(name, ..)| name.starts_with('m') && !name.contains("metrics"))
            .count(),
        1_000
    );
    let rejected = values(&handle, "metrics_rejected_total");
    assert_eq!(
        rejected[1],
        (labels([("reason", "too_many_names")]), "500".into())
    );
}

#[test]
fn cached_keys_are_bounded() {
    let metrics = Metrics::new(MetricsOptions::default());
    with_local_recorder(&metrics.recorder(), || {
        for index in 0..10_000 {
            let spelling = format!("{index:016b}").replace('0', ".").replace('1', "-");
            gauge!("g", spelling => "1").increment(1.0);
            gauge!("long", "k" => "x".repeat(2_000 + index % 2)).set(1.0);
        }
    });
    assert_eq!(values(&metrics.handle(), "g").len(), 1);
    assert_eq!(values(&metrics.handle(), "g")[0].1, "10000");
    assert_eq!(values(&metrics.handle(), "long")[0].0["k"].len(), 1_024);
    assert_eq!(
        metrics.shared.registry.cache.len(),
        2,
        "two spellings of `g`, and no oversized key"
    );
}

#[test]
fn expositions_are_sorted_and_stable() {
    let handle = metrics_after(|| {
        for name in ["z", "a", "m"] {
            for key in ["2", "1", "3"] {
                counter!(name, "k" => key).increment(1);
                gauge!(format!("{name}_seconds"), "k" => key).set(0.1);
            }
        }
    });
    for format in [Format::Text, Format::OpenMetrics] {
        let without_process = |exposition: String| -> Vec<String> {
            let lines = exposition
                .lines()
                .filter(|line| !line.starts_with("process_"));
            lines.map(ToOwned::to_owned).collect()
        };
        let exposition = handle.render(format);
        let names: Vec<_> = samples(&exposition)
            .into_iter()
            .map(|(name, ..)| name)
            .collect();
        assert!(names.is_sorted(), "{names:#?}");
        assert_eq!(
            without_process(exposition),
            without_process(handle.render(format))
        );
    }
}

#[test]
fn only_openmetrics_has_exemplars() {
    let handle = metrics_after(|| {
        describe_counter!("jobs", "Jobs \"done\"\\\n.");
        describe_gauge!("http_server_active_requests", "not the catalog's");
        counter!("jobs").increment(2);
        gauge!("http_server_active_requests").set(f64::INFINITY);
        histogram!("order.value").record(5.0);
        in_sampled_span(|| histogram!("order_value").record(50.0));
    });
    let open_metrics = handle.render(Format::OpenMetrics);
    samples(&open_metrics);
    assert!(open_metrics.ends_with("\n# EOF\n"));
    for expected in [
        "# HELP jobs Jobs \\\"done\\\"\\\\\\n.\n# TYPE jobs counter\njobs_total 2\n",
        "# TYPE target info\ntarget_info{odd__key_=\"C:\\\\new\\n\",service_name=\"orders\"",
        "# TYPE build info\nbuild_info{firstlight_version=\"",
        ",version=\"1.2.3\"} 1\n",
        "# TYPE order_value histogram\norder_value_bucket{le=\"10.0\"} 1\norder_value_bucket{le=\"100.0\"} 2 # {trace_id=\
         \"00000000000000000000000000000abc\",span_id=\"0000000000000def\"} 50 1",
        "order_value_bucket{le=\"+Inf\"} 2\norder_value_sum 55\norder_value_count 2\n",
        "# HELP http_server_active_requests Number of active HTTP server requests.\n",
        "\nhttp_server_active_requests +Inf\n",
    ] {
        assert!(
            open_metrics.contains(expected),
            "{expected}\nis not in\n{open_metrics}"
        );
    }
    let text = handle.render(Format::Text);
    samples(&text);
    for expected in [
        "# HELP jobs_total Jobs \"done\"\\\\\\n.\n# TYPE jobs_total counter\njobs_total 2\n",
        "# TYPE target_info gauge\n",
        "# TYPE build_info gauge\n",
        "order_value_bucket{le=\"100.0\"} 2\n",
    ] {
        assert!(text.contains(expected), "{expected}\nis not in\n{text}");
    }
    assert!(!text.contains("trace_id") && !text.contains("# EOF"));
}

#[test]
fn dropped_samples_are_counted() {
    let handle = metrics_after(|| {
        for value in [f64::NAN, -1.0, f64::INFINITY] {
            histogram!("lat", "k" => "1").record(value);
        }
        histogram!("lat", "k" => "2").record(1.0);
        gauge!("level").set(f64::NAN);
    });
    let dropped = values(&handle, "metrics_samples_dropped_total");
    assert_eq!(dropped, [(labels([("metric", "lat")]), "3".into())]);
    assert_eq!(values(&handle, "lat_sum")[1].1, "1");
    assert_eq!(values(&handle, "level")[0].1, "NaN");
}

#[test]
fn unused_signal_has_a_valid_exposition() {
    let handle = Metrics::new(MetricsOptions::default()).handle();
    samples(&handle.render(Format::Text));
    samples(&handle.render(Format::OpenMetrics));
}

#[cfg(target_os = "linux")]
#[test]
fn process_metrics_are_exposed() {
    let handle = metrics_after(|| ());
    for metric in metric_catalog::ALL
        .iter()
        .filter(|metric| metric.name.starts_with("process_"))
        // A process may have no memory limit.
        .filter(|metric| metric.name != metric_catalog::CGROUP_MEMORY_LIMIT.name)
    {
        let values = values(&handle, metric.name);
        assert_eq!(values.len(), 1, "{}", metric.name);
        assert!(
            values[0].1.parse::<f64>().unwrap() >= 0.0,
            "{}",
            metric.name
        );
    }
    let started: f64 = values(&handle, "process_start_time_seconds")[0]
        .1
        .parse()
        .unwrap();
    assert!(started > 1e9);
}
