//! Tests of the log layer, which examine the lines that it writes.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use serde_json::{Map, Value};
use tracing_subscriber::{Layer, Registry, layer::SubscriberExt};

use super::{LogFilter, LogLayer, LogWriter};
use crate::{LogOutput, config::LogFormat, directives::Directives, resource::Resource};

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The text of the log lines that `program` writes under this filter.
pub(super) fn text(
    format: LogFormat,
    filter: &str,
    sampler: Sampler,
    program: impl FnOnce(),
) -> String {
    let (writer, sink) = (LogWriter::new(LogOutput::Stdout), Sink::default());
    writer.start(sink.clone()).unwrap();
    let tracer = SdkTracerProvider::builder()
        .with_sampler(sampler)
        .build()
        .tracer("test");
    let subscriber = Registry::default()
        .with(tracing_opentelemetry::layer().with_tracer(tracer))
        .with(
            LogLayer::new(format, false, &resource(), writer.clone())
                .with_filter(LogFilter::new(Directives::parse(filter).unwrap())),
        );
    tracing::subscriber::with_default(subscriber, program);
    assert_eq!(writer.flush(Instant::now() + Duration::from_secs(60)), 0);
    let bytes = sink.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

pub(super) fn resource() -> Resource {
    let attributes = [
        ("cloud.account.id", "a-project"),
        ("deployment.environment.name", "test"),
    ];
    let attributes = attributes.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Resource::new(
        Some("orders".to_owned()),
        Some("1.2.3".to_owned()),
        attributes.to_vec(),
        BTreeMap::new(),
        None,
    )
}

/// The log lines as JSON objects, each with the names of its keys in order.
fn lines(filter: &str, program: impl FnOnce()) -> Vec<(Vec<String>, Map<String, Value>)> {
    let text = text(LogFormat::Json, filter, Sampler::AlwaysOn, program);
    text.lines()
        .map(|line| (keys(line), serde_json::from_str(line).unwrap()))
        .collect()
}

/// All keys of a flat object, including duplicates, which a parser would hide.
fn keys(line: &str) -> Vec<String> {
    struct Keys(Vec<String>);
    impl<'de> serde::de::Visitor<'de> for Keys {
        type Value = Vec<String>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(
            mut self,
            mut map: A,
        ) -> Result<Self::Value, A::Error> {
            while let Some((key, _)) = map.next_entry::<String, Value>()? {
                self.0.push(key);
            }
            Ok(self.0)
        }
    }
    let mut json = serde_json::Deserializer::from_str(line);
    serde::Deserializer::deserialize_map(&mut json, Keys(Vec::new())).unwrap()
}

#[test]
fn keys_are_unique_and_cannot_be_forged() {
    let lines = lines("info", || {
        let outer = tracing::info_span!(
            "outer",
            tenant = "a",
            level = "forged",
            message = "span's",
            shared = "outer"
        );
        let _outer = outer.enter();
        let inner = tracing::info_span!(
            "inner",
            otel.name = "GET /",
            shared = "inner",
            timestamp = 1
        );
        let _inner = inner.enter();
        tracing::info!(
            level = "FATAL",
            target = "forged",
            trace_id = "0",
            span_id = 7,
            timestamp = "now",
            message = "field's",
            shared = "event",
            a = 1,
            a = 2,
            "the message"
        );
    });
    let (keys, line) = &lines[0];
    let mut unique = keys.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), keys.len(), "{keys:?}");
    assert_eq!(
        keys[..6],
        [
            "timestamp",
            "level",
            "target",
            "message",
            "trace_id",
            "span_id"
        ]
    );
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["target"], module_path!());
    assert_eq!(line["message"], "the message");
    assert_eq!(
        line["field.level"], "FATAL",
        "the event's field takes precedence over the span's"
    );
    assert_eq!(line["field.message"], "field's");
    assert_eq!(line["field.trace_id"], "0");
    assert_eq!(line["a"], 2, "the last value of an event's field wins");
    assert_eq!(line["shared"], "event");
    assert_eq!(line["tenant"], "a", "inherited");
    assert!(
        !line.contains_key("otel.name"),
        "otel.name configures the span and is not a field"
    );
}

#[test]
fn values_keep_their_types() {
    let lines = lines("info", || {
        let error = io::Error::other("disk\nfull\"");
        tracing::info!(
            int = -1,
            big = u64::MAX,
            huge = u128::MAX,
            float = 1.5e-9,
            whole = 1.0,
            huge_float = 1e300,
            nan = f64::NAN,
            infinite = f64::INFINITY,
            yes = true,
            debug = ?Some("x\n{\"level\":\"ERROR\"}"),
            error = &error as &(dyn std::error::Error + 'static),
            "line\nforged \u{1b}[31m"
        );
    });
    assert_eq!(lines.len(), 1);
    let line = &lines[0].1;
    assert_eq!(line["int"], -1);
    assert_eq!(line["big"], u64::MAX);
    assert_eq!(
        line["huge"],
        u128::MAX.to_string(),
        "as text, because parsers round such numbers"
    );
    assert_eq!(line["float"], 1.5e-9);
    assert!(line["whole"].is_f64(), "1.0 and not 1");
    assert_eq!(line["huge_float"], 1e300);
    assert_eq!(line["nan"], "NaN");
    assert_eq!(line["infinite"], "inf");
    assert_eq!(line["yes"], true);
    assert_eq!(line["error"], "disk\nfull\"");
    assert_eq!(line["message"], "line\nforged \u{1b}[31m");
}

#[test]
fn lines_in_spans_have_ids() {
    for sampler in [Sampler::AlwaysOn, Sampler::AlwaysOff] {
        let text = text(LogFormat::Json, "info", sampler, || {
            tracing::info!("outside");
            let request = tracing::info_span!("request");
            let child = request.in_scope(|| {
                tracing::info!("request");
                tracing::info_span!("child")
            });
            child.in_scope(|| tracing::info!("child"));
            tracing::info!(parent: &child, "explicit parent");
            child.in_scope(|| tracing::info!(parent: &request, "explicit other parent"));
            request.in_scope(|| tracing::info!(parent: None, "explicitly outside"));
        });
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let [outside, request, child, explicit, other, no_parent] = &lines[..] else {
            unreachable!("{lines:?}")
        };
        assert_eq!(outside.get("trace_id"), None);
        assert_eq!(no_parent.get("trace_id"), None);
        assert_eq!(request["trace_id"].as_str().unwrap().len(), 32);
        assert_eq!(request["trace_id"], child["trace_id"]);
        assert_ne!(request["span_id"], child["span_id"]);
        assert_eq!(
            (&explicit["trace_id"], &explicit["span_id"]),
            (&child["trace_id"], &child["span_id"])
        );
        assert_eq!(
            (&other["trace_id"], &other["span_id"]),
            (&request["trace_id"], &request["span_id"])
        );
    }
}

#[test]
fn filters_do_not_remove_span_fields() {
    let lines = lines("warn,noisy=off", || {
        let _request = tracing::info_span!("request", tenant = "a").entered();
        tracing::info!("not shown");
        tracing::error!(target: "noisy::inner", "not shown");
        tracing::warn!("shown");
    });
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].1["tenant"], "a");
}

#[test]
fn span_directives_select_by_field() {
    let lines = lines("warn,[request{tenant=a}]=debug", || {
        for tenant in ["a", "b"] {
            let _request = tracing::info_span!("request", tenant).entered();
            tracing::debug!("shown for one tenant");
        }
    });
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].1["tenant"], "a");
}

#[test]
fn recorded_span_fields_are_inherited() {
    let lines = lines("info", || {
        let span = tracing::info_span!("request", user = tracing::field::Empty);
        let _entered = span.enter();
        span.record("user", "first");
        span.record("user", "last");
        tracing::info!("x");
    });
    assert_eq!(lines[0].1["user"], "last");
}

#[test]
fn pretty_lines_are_escaped() {
    let text = text(LogFormat::Pretty, "info", Sampler::AlwaysOn, || {
        let _request = tracing::info_span!("request", tenant = "a").entered();
        tracing::warn!(sql = "x\u{1b}[2J", "slow\nquery");
    });
    assert!(text.contains(" WARN slow\n    query "), "{text}");
    assert!(
        text.contains("tenant=a") && text.contains("trace_id="),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn pretty_fields_cannot_forge_keys() {
    let text = text(LogFormat::Pretty, "info", Sampler::AlwaysOn, || {
        let _request = tracing::info_span!("request", span_id = "forged").entered();
        tracing::warn!(trace_id = "forged", level = "forged", "hello");
    });
    for name in ["trace_id", "span_id", "level"] {
        assert!(text.contains(&format!(" field.{name}=forged")), "{text}");
        assert!(!text.contains(&format!(" {name}=forged")), "{text}");
    }
    assert_eq!(text.matches(" trace_id=").count(), 1, "{text}");
}

#[test]
fn formats_have_their_own_reserved_keys() {
    let line = |format| {
        let text = text(format, "info", Sampler::AlwaysOn, || {
            let _request = tracing::info_span!("request", status = 200).entered();
            tracing::warn!(
                severity = "forged",
                log.level = "forged",
                dd.trace_id = "forged",
                "hello"
            );
        });
        let line: Value = serde_json::from_str(&text).unwrap();
        let mut all = keys(&text);
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count, "{text}");
        line
    };
    let ecs = line(LogFormat::Ecs);
    assert_eq!(
        (&ecs["log.level"], &ecs["ecs.version"]),
        (&"warn".into(), &"9.4.0".into())
    );
    assert_eq!(
        (&ecs["service.name"], &ecs["service.environment"]),
        (&"orders".into(), &"test".into())
    );
    assert_eq!(ecs["trace.id"].as_str().unwrap().len(), 32);
    assert_eq!(ecs["labels.log_level"], "forged");
    assert_eq!(ecs["numeric_labels.status"], 200);
    assert!(ecs["@timestamp"].as_str().unwrap().ends_with('Z'));

    let gcp = line(LogFormat::Gcp);
    assert_eq!(
        (&gcp["severity"], &gcp["message"]),
        (&"WARNING".into(), &"hello".into())
    );
    assert_eq!(gcp["field.severity"], "forged");
    let trace = gcp["logging.googleapis.com/trace"].as_str().unwrap();
    assert_eq!(
        trace
            .strip_prefix("projects/a-project/traces/")
            .unwrap()
            .len(),
        32
    );

    let datadog = line(LogFormat::Datadog);
    assert_eq!(
        (&datadog["status"], &datadog["field.status"]),
        (&"warn".into(), &200.into())
    );
    assert_eq!(
        (&datadog["dd.service"], &datadog["dd.version"]),
        (&"orders".into(), &"1.2.3".into())
    );
    assert!(
        datadog["dd.trace_id"]
            .as_str()
            .unwrap()
            .parse::<u64>()
            .is_ok(),
        "{datadog}"
    );
    assert!(
        datadog["dd.span_id"]
            .as_str()
            .unwrap()
            .parse::<u64>()
            .is_ok(),
        "{datadog}"
    );
}
