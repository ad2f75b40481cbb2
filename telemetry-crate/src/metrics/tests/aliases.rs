//! The exposition of metrics that have aliases.

use ::metrics::{counter, gauge, histogram, with_local_recorder};

use super::{Format, labels, values};
use crate::metrics::strict_parser::samples;
use crate::{
    config::MetricAlias,
    metrics::{Aliases, Metrics, MetricsHandle, MetricsOptions},
};

const DURATION: &str = "http_server_request_duration_seconds";

fn metrics_with(aliases: &[(&str, &str)], uses: impl FnOnce()) -> MetricsHandle {
    let labels = [("http_route", "path"), ("http_request_method", "method")];
    let labels = labels.map(|(label, alias)| (label.to_owned(), alias.to_owned()));
    let aliases = aliases.iter().map(|(metric, alias)| MetricAlias {
        metric: (*metric).to_owned(),
        alias: (*alias).to_owned(),
        labels: labels.to_vec(),
    });
    let metrics = Metrics::new(MetricsOptions {
        aliases: Aliases::new(aliases.collect()).unwrap(),
        ..MetricsOptions::default()
    });
    with_local_recorder(&metrics.recorder(), uses);
    metrics.handle()
}

fn requests() {
    for (route, seconds) in [("/a", 0.2), ("/a", 3.0), ("/b", 0.1)] {
        let method = "GET";
        histogram!(DURATION, "http_route" => route, "http_request_method" => method)
            .record(seconds);
    }
}

#[test]
fn histogram_has_its_alias_and_its_count() {
    let count = format!("{DURATION}_count");
    let aliases = [(DURATION, "latency"), (&*count, "requests_total")];
    let metrics = metrics_with(&aliases, requests);
    for (name, suffix) in [("latency_count", "_count"), ("latency_sum", "_sum")] {
        let original: Vec<_> = values(&metrics, &format!("{DURATION}{suffix}"))
            .into_iter()
            .map(|(_, value)| value)
            .collect();
        let alias = values(&metrics, name);
        assert_eq!(
            alias.iter().map(|(_, value)| value).collect::<Vec<_>>(),
            original.iter().collect::<Vec<_>>()
        );
    }
    let route = |path| labels([("method", "GET"), ("path", path)]);
    assert_eq!(
        values(&metrics, "requests_total"),
        [(route("/a"), "2".into()), (route("/b"), "1".into())]
    );
    let buckets = values(&metrics, "latency_bucket").len();
    assert_eq!(
        buckets,
        values(&metrics, &format!("{DURATION}_bucket")).len()
    );
    let text = metrics.render(Format::Text);
    assert!(text.contains("# TYPE latency histogram"), "{text}");
    assert!(text.contains("# TYPE requests_total counter"), "{text}");
    assert!(
        text.contains(&format!("# HELP latency Alias of {DURATION}. Duration")),
        "{text}"
    );
}

#[test]
fn counter_keeps_a_name_without_total() {
    let uses = || counter!("visits", "http_route" => "/a").increment(2);
    let metrics = metrics_with(&[("visits_total", "visits")], uses);
    let path = labels([("path", "/a")]);
    assert_eq!(values(&metrics, "visits"), [(path, "2".into())]);
    let text = metrics.render(Format::OpenMetrics);
    // OpenMetrics reserves the name for the counter, so neither has a type.
    assert!(text.contains("# TYPE visits unknown"), "{text}");
    assert!(text.contains("# TYPE visits_total unknown"), "{text}");
    let text = metrics.render(Format::Text);
    assert!(text.contains("# TYPE visits counter"), "{text}");
}

#[test]
fn metric_of_a_collector_has_its_alias() {
    let aliases = [("process_start_time_seconds", "started")];
    let metrics = metrics_with(&aliases, || ());
    let started = values(&metrics, "started");
    assert_eq!(started, values(&metrics, "process_start_time_seconds"));
    assert_eq!(started.len(), 1);
}

#[test]
fn metric_with_the_name_of_an_alias_fails() {
    let metrics = metrics_with(&[(DURATION, "latency")], || {
        requests();
        histogram!("latency").record(1.0);
        gauge!("latency_sum").set(1.0);
    });
    let refused: Vec<_> = metrics.rejected().iter().map(ToString::to_string).collect();
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(refused[0].contains(DURATION), "{refused:?}");
    let parsed = samples(&metrics.render(Format::Text)).into_iter();
    assert_eq!(parsed.filter(|sample| sample.0 == "latency_sum").count(), 2);
}
