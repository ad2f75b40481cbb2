//! Tests of log lines that would be longer than [`MAX_LINE`].

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeMap, io::sink, sync::atomic::Ordering};

use opentelemetry::trace::{SpanId, TraceFlags, TraceId};
use serde_json::{Map, Value};
use tracing::Level;
use tracing_subscriber::{Registry, layer::SubscriberExt};

use super::{IsComplete, MAX_LINE, TRUNCATION_MARK, VALUE_LIMITS, write_bounded};
use crate::{
    LogOutput,
    config::LogFormat,
    logs::{
        LogLayer, LogLine, LogWriter, fields::EventFields, json::write_json, pretty::write_pretty,
        rendered_names::RenderedNames, schema::Keys, span_fields::SpanFields,
    },
    resource::Resource,
    span_ids::SpanIds,
    values::Kind,
};

/// The parts of a line that a program controls.
struct Parts {
    target: String,
    message: String,
    /// The fields of the event, and of a span around it.
    fields: [Vec<(&'static str, String)>; 2],
}

/// A resource whose attributes are longer than `MAX_CONSTANT`.
fn resource() -> Resource {
    let long = "s".repeat(20_000);
    let attributes = ["cloud.account.id", "deployment.environment.name"];
    let attributes = attributes.map(|key| (key.to_owned(), long.clone()));
    Resource::new(
        Some(long.clone()),
        Some(long.clone()),
        attributes.to_vec(),
        BTreeMap::new(),
        None,
    )
}

fn with_line<T>(parts: &Parts, work: impl FnOnce(&LogLine<'_>) -> T) -> T {
    let (mut event, mut span) = (EventFields::default(), SpanFields::default());
    for (name, text) in &parts.fields[0] {
        event.put(name, (text, Kind::Text));
    }
    event.put("message", (&parts.message, Kind::Message));
    for (name, text) in &parts.fields[1] {
        span.put(name, (text, Kind::Text));
    }
    work(&LogLine {
        time: 0,
        level: Level::ERROR,
        target: &parts.target,
        ids: Some(SpanIds {
            trace_id: TraceId::from(u128::MAX),
            span_id: SpanId::from(u64::MAX),
            flags: TraceFlags::SAMPLED,
        }),
        is_last: false,
        event: &event,
        spans: &|visit| visit(&span),
    })
}

fn json(format: LogFormat, parts: &Parts) -> (Map<String, Value>, IsComplete) {
    let keys = Keys::new(format, &resource());
    let mut out = Vec::new();
    let is_complete = with_line(parts, |line| {
        write_bounded(&mut out, |out, limits| {
            write_json(out, line, &keys, &mut RenderedNames::default(), limits)
        })
    });
    assert!(out.len() <= MAX_LINE, "{format:?}: {}", out.len());
    assert!(out.ends_with(b"}\n"));
    (serde_json::from_slice(&out).unwrap(), is_complete)
}

const FORMATS: [LogFormat; 4] = [
    LogFormat::Json,
    LogFormat::Ecs,
    LogFormat::Gcp,
    LogFormat::Datadog,
];

fn names(count: usize) -> impl Iterator<Item = &'static str> {
    (0..count).map(|n| &*format!("field_number_{n}").leak())
}

/// Long parts with characters that become longer when they are escaped.
fn hostile() -> Vec<Parts> {
    let mut all = Vec::new();
    for text in ["x", "\u{1}", "\"\\", "ü\n"] {
        let long = || text.repeat(10_000);
        let many = (300, "short".to_owned());
        for (count, value) in [(0, long()), (1, long()), (7, long()), (20, long()), many] {
            let fields = || names(count).map(|name| (name, value.clone())).collect();
            all.push(Parts {
                target: long(),
                message: long(),
                fields: [fields(), fields()],
            });
        }
    }
    all
}

#[test]
fn every_line_is_bounded_json() {
    for parts in &hostile() {
        for format in FORMATS {
            let (line, _) = json(format, parts);
            let message = line["message"].as_str().unwrap();
            let target = ["target", "log.logger", "logger.name"];
            let target = target.iter().find_map(|key| line.get(*key)).unwrap();
            for (text, whole) in [
                (message, &parts.message),
                (target.as_str().unwrap(), &parts.target),
            ] {
                let start = text.strip_suffix(TRUNCATION_MARK).unwrap_or(text);
                // The target has up to 1024 bytes, and an escaped control character takes six, so
                // at least 100 characters remain.
                assert!(whole.starts_with(start) && start.len() > 100);
            }
            let ids = [
                "trace_id",
                "trace.id",
                "logging.googleapis.com/trace",
                "dd.trace_id",
            ];
            assert!(ids.iter().any(|key| line.contains_key(*key)));
            let level = ["level", "log.level", "severity", "status"];
            let level = level.iter().find_map(|key| line.get(*key)).unwrap();
            assert!(level.as_str().unwrap().eq_ignore_ascii_case("error"));
        }
    }
}

#[test]
fn every_pretty_line_is_bounded() {
    for parts in &hostile() {
        let mut out = Vec::new();
        with_line(parts, |line| {
            write_bounded(&mut out, |out, limits| {
                write_pretty(out, line, true, limits)
            })
        });
        assert!(out.len() <= MAX_LINE);
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("trace_id=ffffffffffffffffffffffffffffffff"));
    }
}

#[test]
fn fields_left_out_are_counted() {
    for format in FORMATS {
        let parts = Parts {
            target: "orders".to_owned(),
            message: "too many".to_owned(),
            fields: [
                names(600).map(|name| (name, "v".repeat(30))).collect(),
                vec![("tenant", "a".to_owned())],
            ],
        };
        let (line, is_complete) = json(format, &parts);
        let dropped = line["firstlight.dropped_fields"].as_u64().unwrap();
        let shown = line.keys();
        // The event has 600 fields, and the span has one.
        let shown = shown.filter(|key| key.contains("field_number_") || key.contains("tenant"));
        assert_eq!(shown.count() as u64 + dropped, 601, "{format:?}");
        assert_eq!(is_complete, IsComplete(false));
    }
}

#[test]
fn short_values_survive_long_ones() {
    let long = || "l".repeat(20_000);
    let parts = Parts {
        target: "orders".to_owned(),
        message: "stock is low".to_owned(),
        fields: [
            vec![
                ("statement", long()),
                ("body", long()),
                ("order", "7".to_owned()),
            ],
            vec![("stack", long()), ("tenant", "a".to_owned())],
        ],
    };
    let (line, _) = json(LogFormat::Json, &parts);
    assert_eq!(
        (&line["order"], &line["tenant"]),
        (&"7".into(), &"a".into())
    );
    assert_eq!(line["message"], "stock is low");
    for name in ["statement", "body", "stack"] {
        let text = line[name].as_str().unwrap();
        assert!(
            text.ends_with(TRUNCATION_MARK) && text.len() >= VALUE_LIMITS[0],
            "{}",
            text.len()
        );
    }
    assert!(!line.contains_key("firstlight.dropped_fields"));
}

#[test]
fn program_cannot_forge_dropped_fields() {
    let field = ("firstlight.dropped_fields", "9".to_owned());
    let parts = Parts {
        target: String::new(),
        message: String::new(),
        fields: [vec![field], Vec::new()],
    };
    for format in FORMATS {
        let (line, is_complete) = json(format, &parts);
        assert!(
            !line.contains_key("firstlight.dropped_fields"),
            "{format:?}"
        );
        assert_eq!(is_complete, IsComplete(true));
    }
}

#[test]
fn truncated_lines_are_counted() {
    let layer = LogLayer::new(LogFormat::Ecs, false, &resource(), {
        let writer = LogWriter::new(LogOutput::Stdout);
        writer.start(sink()).unwrap();
        writer
    });
    let counts = layer.counts();
    let long = "l".repeat(9_000);
    tracing::subscriber::with_default(Registry::default().with(layer), || {
        tracing::info!(long = "short", "whole");
        assert_eq!(counts.truncated.load(Ordering::Relaxed), 0);
        tracing::info!(long, "one value");
        // In ECS, both fields become the label `order_id`, so the line has only one of them.
        tracing::info!(order.id = 1, order_id = 2, "one label");
        let _span = tracing::info_span!("request", a = long, b = long, c = long).entered();
        tracing::error!("the fields of the span are truncated");
    });
    assert_eq!(counts.truncated.load(Ordering::Relaxed), 3);
}
