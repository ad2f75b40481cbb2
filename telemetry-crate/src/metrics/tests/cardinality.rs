//! Cardinality limits: the overflow series, the warnings and the reports.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use ::metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, gauge, histogram,
    with_local_recorder,
};
use tracing::{Event, Subscriber, field, subscriber::with_default};
use tracing_subscriber::{Layer, layer::Context, layer::SubscriberExt};

use super::{labels, metrics_after, values};
use crate::{
    config::CardinalityLimits,
    declared::{DeclaredMetric, Label},
    metrics::{
        Format, Metrics, MetricsOptions, aliases::Aliases, cardinality::DEFAULT_LIMIT,
        declarations::Declarations, is_recorded,
    },
};

fn with_limits(cardinality: CardinalityLimits) -> Metrics {
    Metrics::new(MetricsOptions {
        cardinality,
        ..MetricsOptions::default()
    })
}

#[test]
fn excess_series_go_to_overflow() {
    const USES: usize = DEFAULT_LIMIT + 500;
    let handle = metrics_after(|| {
        for user in 0..USES {
            counter!("hits", "user" => user.to_string()).increment(1);
            histogram!("size", "user" => user.to_string()).record_many(1.0, 2);
        }
        counter!("hits", "user" => "0").increment(10);
        counter!("hits", "user" => "a late one").increment(10);
        counter!("small", "otel_metric_overflow" => "true").increment(1);
    });
    // 500 users are beyond the limit. One more adds 10 to `hits`, and each use of `size` records two samples.
    let overflow = labels([("otel_metric_overflow", "true")]);
    for (name, expected) in [("hits_total", "510"), ("size_count", "1000")] {
        let values = values(&handle, name);
        assert_eq!(values.len(), DEFAULT_LIMIT + 1);
        let expected = (overflow.clone(), expected.to_owned());
        assert!(values.contains(&expected), "{name}");
    }
    assert!(values(&handle, "hits_total").contains(&(labels([("user", "0")]), "11".into())));
    let over = values(&handle, "metrics_cardinality_overflow_total");
    assert_eq!(over[0], (labels([("metric", "hits_total")]), "501".into()));
    assert_eq!(over[1], (labels([("metric", "size")]), "500".into()));
    assert_eq!(values(&handle, "small_total"), [(overflow, "1".into())]);
}

#[test]
fn limits_by_name_override_the_default() {
    let metrics = with_limits(CardinalityLimits {
        by_metric: vec![("orders.placed".into(), 3), ("size".into(), 30)],
        each: Some(20),
        total: None,
    });
    with_local_recorder(&metrics.recorder(), || {
        for user in 0..100 {
            counter!("orders.placed", "user" => user.to_string()).increment(1);
            histogram!("size", "user" => user.to_string()).record(1.0);
            gauge!("other", "user" => user.to_string()).set(1.0);
        }
    });
    let handle = metrics.handle();
    // Each metric has one overflow series beyond its limit.
    let len = |name| values(&handle, name).len();
    assert_eq!(
        [len("orders_placed_total"), len("size_count"), len("other")],
        [4, 31, 21]
    );
}

#[test]
fn total_limit_leaves_room_for_first_series() {
    let metrics = with_limits(CardinalityLimits {
        total: Some(50),
        ..CardinalityLimits::default()
    });
    with_local_recorder(&metrics.recorder(), || {
        for user in 0..100 {
            counter!("first", "user" => user.to_string()).increment(1);
        }
        for user in 0..100 {
            counter!("late", "user" => user.to_string()).increment(1);
            gauge!("http_server_active_requests", "url_scheme" => user.to_string()).set(1.0);
        }
    });
    let handle = metrics.handle();
    // The total, the ten guaranteed series, and an overflow series for each.
    let len = |name| values(&handle, name).len();
    assert_eq!(
        [
            len("first_total"),
            len("late_total"),
            len("http_server_active_requests")
        ],
        [51, 11, 100],
        "metrics of the catalog do not count toward the total"
    );
    let reports = handle.series();
    let first = reports.iter().find(|report| report.metric == "first_total");
    assert!(first.unwrap().to_string().starts_with(
        "first_total has 50 series and gets no more: all metrics together have reached their limit of 50; "
    ));
}

/// Keeps all events, and uses a metric beyond its limit.
///
/// A layer of the program may do the same.
#[derive(Clone, Default)]
struct EventLog(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for EventLog {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        struct Message(String);
        impl field::Visit for Message {
            fn record_debug(&mut self, field: &field::Field, value: &dyn fmt::Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        let mut events = self.0.lock().unwrap();
        let mut message = Message(String::new());
        event.record(&mut message);
        let metadata = event.metadata();
        events.push(format!(
            "{} {} {}",
            metadata.level(),
            metadata.target(),
            message.0
        ));
        counter!("hits", "user" => "another one").increment(1);
    }
}

#[test]
fn warnings_name_the_label_once() {
    let metrics = with_limits(CardinalityLimits {
        each: Some(4),
        ..CardinalityLimits::default()
    });
    let log = EventLog::default();
    let logged = || log.0.lock().unwrap().clone();
    let uses = || {
        for user in 0..100 {
            counter!("hits", "user" => format!("{user}@example.org"), "code" => "200").increment(1);
            counter!("within", "code" => (user % 4).to_string()).increment(1);
        }
        assert!(logged().is_empty(), "the program may hold a lock here");
        for _ in 0..2 {
            metrics.handle().render(Format::Text);
        }
    };
    let recorder = metrics.recorder();
    with_default(tracing_subscriber::registry().with(log.clone()), || {
        with_local_recorder(&recorder, uses);
    });
    assert_eq!(
        logged(),
        [
            "WARN firstlight hits_total has reached its cardinality limit of 4 series; further series are counted in \
          otel_metric_overflow=\"true\". Its label user has 4 values, such as \"0@example.org\", \
          \"1@example.org\", \"2@example.org\": remove the label or give it few values, such as a route template \
          instead of a path; if all of them are needed, raise TelemetryConfig::cardinality_limit(\"hits_total\", n)"
        ]
    );
}

#[test]
fn declared_bounds_are_to_be_raised() {
    const LABELS: &[Label] = &[Label::one_of("kind", &["a"]), Label::at_most("tenant", 2)];
    const USES: DeclaredMetric = DeclaredMetric::counter("uses_total", "Uses.").labels(LABELS);
    for (limit, expected) in [
        (
            2,
            "raise Label::at_most(\"tenant\", n) in the declaration of uses_total",
        ),
        (
            3,
            "raise TelemetryConfig::cardinality_limit(\"uses_total\", n)",
        ),
    ] {
        let declared = Declarations::new(vec![USES], &[], &Aliases::default());
        let metrics = Metrics::new(MetricsOptions {
            cardinality: CardinalityLimits {
                by_metric: vec![("uses_total".into(), limit)],
                ..CardinalityLimits::default()
            },
            declared: declared.unwrap(),
            ..MetricsOptions::default()
        });
        with_local_recorder(&metrics.recorder(), || {
            for tenant in 0..5 {
                counter!("uses_total", "kind" => "a", "tenant" => tenant.to_string()).increment(1);
            }
        });
        let report = metrics.handle().series()[0].to_string();
        assert!(report.ends_with(expected), "{limit}: {report}");
    }
}

#[test]
fn reports_are_sorted_by_series() {
    let handle = metrics_after(|| {
        gauge!("small").set(1.0);
        for user in 0..7 {
            counter!("large", "user" => user.to_string(), "code" => "200").increment(1);
        }
    });
    let reports = handle.series();
    let large = &reports[0];
    assert_eq!(
        (large.metric.as_str(), large.series, large.limit),
        ("large_total", 7, DEFAULT_LIMIT)
    );
    assert_eq!((large.overflow_uses, large.growth), (0, 7));
    let label = large.offending_label.as_ref().unwrap();
    assert_eq!((label.name.as_str(), label.distinct), ("user", 7));
    assert_eq!(label.samples, ["0", "1", "2"]);
    assert_eq!(
        (reports[1].metric.as_str(), &reports[1].offending_label),
        ("small", &None)
    );
}

#[test]
fn is_recorded_detects_noop_handles() {
    let early = (
        counter!("early"),
        gauge!("early_level"),
        histogram!("early_size"),
    );
    let handle = metrics_after(|| {
        describe_counter!("early", "Made too early.");
        describe_counter!("used", "Made in time.");
        // Rejected, so it is not listed as absent.
        describe_gauge!("used_total", "Takes another's name.");
        let used = (counter!("used"), gauge!("level"), histogram!("size"));
        gauge!("used_total").set(1.0);
        for (counter, gauge, histogram, expected) in [
            (&early.0, &early.1, &early.2, false),
            (&used.0, &used.1, &used.2, true),
            (&Counter::noop(), &Gauge::noop(), &Histogram::noop(), false),
        ] {
            let answers = [
                is_recorded(counter),
                is_recorded(gauge),
                is_recorded(histogram),
            ];
            assert_eq!(answers, [expected; 3]);
        }
    });
    assert_eq!(values(&handle, "used_total"), [(labels([]), "0".into())]);
    assert_eq!(values(&handle, "size_count"), [(labels([]), "0".into())]);
    assert_eq!(handle.described_and_absent(), ["early_total"]);
}
