//! Tests of the schemas against the backends' lists of names and types.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use opentelemetry_sdk::trace::Sampler;
use serde_json::{Map, Value};
use tracing::Level;

use super::{DATADOG_NAMES, ECS_NAMES, FLAT, GCP_NAMES, Keys};
use crate::{
    config::LogFormat,
    logs::{
        LogLine,
        bound::LineLimits,
        fields::EventFields,
        json::write_json,
        rendered_names::RenderedNames,
        span_fields::SpanFields,
        tests::{resource, text},
    },
    values::Kind,
};

const ECS: &str = include_str!("ecs.txt");
const DATADOG: &str = include_str!("datadog.txt");
const GCP: &str = include_str!("gcp.txt");

/// The names of a list with their types.
///
/// Parsed independently of the code under test.
fn list(text: &'static str) -> BTreeMap<&'static str, &'static str> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let names = lines.flat_map(|line| {
        let (kind, names) = line.split_once(' ').unwrap();
        names.split(' ').map(move |name| (name, kind))
    });
    names.collect()
}

/// The text and the kind of a value, as the visitors record it.
type Sample = (&'static str, Kind);

const SAMPLES: [Sample; 15] = [
    ("some text", Kind::Text),
    ("", Kind::Text),
    ("7", Kind::Text),
    ("true", Kind::Text),
    ("10.0.0.1", Kind::Text),
    ("2026-11-28T12:00:00Z", Kind::Text),
    ("-000009-01-01T00:00:00Z", Kind::Text),
    ("NaN", Kind::Text),
    ("7", Kind::Bare),
    ("-7.5", Kind::Bare),
    ("3000000000", Kind::Bare),
    ("18446744073709551615", Kind::Bare),
    ("1e300", Kind::Bare),
    ("1.5e-9", Kind::Bare),
    ("false", Kind::Bare),
];

fn line(keys: &Keys, event: &EventFields, span: &SpanFields) -> Map<String, Value> {
    let mut out = Vec::new();
    let line = LogLine {
        time: 0,
        level: Level::INFO,
        target: "orders",
        ids: None,
        is_last: false,
        event,
        spans: &|visit| visit(span),
    };
    let _ = write_json(
        &mut out,
        &line,
        keys,
        &mut RenderedNames::default(),
        LineLimits::UNLIMITED,
    );
    serde_json::from_slice(&out).unwrap()
}

/// Lines with the names of the list, their parents, and names below them.
///
/// Each name occurs once with each sample. Half of the fields come from the event, and the other half from a span.
fn hostile_lines(format: LogFormat, names: &[&'static str]) -> Vec<Map<String, Value>> {
    let keys = Keys::new(format, &resource());
    let mut all: Vec<&'static str> = Vec::new();
    for name in names {
        let dots = name.match_indices('.').map(|(dot, _)| &name[..dot]);
        all.extend(dots);
        all.push(name);
        all.push(format!("{name}.below").leak());
    }
    all.extend([
        "order",
        "order.id",
        "order_id",
        "labels.order",
        "labels",
        " ",
        "",
        ".",
        "a..b",
    ]);
    all.sort_unstable();
    all.dedup();
    let mut lines = Vec::new();
    for sample in SAMPLES {
        for names in all.chunks(64) {
            let (mut event, mut span) = (EventFields::default(), SpanFields::default());
            let (left, right) = names.split_at(names.len() / 2);
            left.iter().for_each(|name| event.put(name, sample));
            right.iter().for_each(|name| span.put(name, sample));
            lines.push(line(&keys, &event, &span));
        }
    }
    lines
}

fn is_of_type(kind: &str, value: &Value) -> bool {
    match kind {
        "text" => value.is_string(),
        "long" => value.is_i64(),
        "integer" => value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        "float" => value.as_f64().is_some_and(|n| n.abs() < f32::MAX.into()),
        "boolean" => value.is_boolean(),
        "ip" => value.as_str().unwrap().parse::<std::net::IpAddr>().is_ok(),
        "date" => {
            let text = value.as_str().unwrap();
            text.parse::<jiff::Timestamp>().is_ok() && text.as_bytes()[4] == b'-'
        }
        _ => false,
    }
}

/// An index of Elasticsearch.
///
/// It has the mappings of ECS, and dynamic mappings for all other fields.
struct Index(BTreeMap<String, &'static str>);

impl Index {
    fn with_ecs_mappings() -> Self {
        let list = list(ECS).into_iter();
        let mut index = Self(list.map(|(name, kind)| (name.to_owned(), kind)).collect());
        for name in index.0.keys().cloned().collect::<Vec<_>>() {
            index.put_parents(&name).unwrap();
        }
        index
    }

    fn put_parents(&mut self, name: &str) -> Result<(), String> {
        for (dot, _) in name.match_indices('.') {
            let parent = name[..dot].to_owned();
            let kind = *self.0.entry(parent).or_insert("object");
            if kind != "object" {
                return Err(format!("{name}: its parent is {kind}"));
            }
        }
        Ok(())
    }

    fn index(&mut self, document: &Map<String, Value>) -> Result<(), String> {
        for (name, value) in document {
            if name.split('.').any(|part| part.trim().is_empty()) {
                return Err(format!("{name:?}: a part without a name"));
            }
            self.put_parents(name)?;
            let dynamic = match value {
                Value::String(_) => "text",
                Value::Bool(_) => "boolean",
                Value::Number(number) if number.is_f64() => "float",
                Value::Number(_) => "long",
                _ => return Err(format!("{name}: {value} is not the value of a field")),
            };
            let kind = *self.0.entry(name.clone()).or_insert(dynamic);
            // Elasticsearch truncates the decimals of a `long`. It also reads digits in quotation
            // marks as a number, but this index rejects them.
            let is_accepted = match kind {
                "long" => value.as_f64().is_some_and(|n| n.abs() < i64::MAX as f64),
                kind => is_of_type(kind, value),
            };
            if !is_accepted {
                return Err(format!("{name}: {value} is not of type {kind}"));
            }
        }
        Ok(())
    }
}

#[test]
fn elasticsearch_accepts_all_lines() {
    let listed = list(ECS);
    let names: Vec<_> = listed.keys().copied().collect();
    let mut index = Index::with_ecs_mappings();
    let mut lines = hostile_lines(LogFormat::Ecs, &names);
    // The first value decides the type of a dynamic field, so the lines are indexed in both orders.
    lines.extend_from_within(..);
    let half = lines.len() / 2;
    lines[half..].reverse();
    for line in &lines[..half] {
        index.index(line).unwrap();
        for (name, value) in line {
            if let Some(kind) = listed.get(name.as_str()) {
                assert!(is_of_type(kind, value), "{name}: {value} is not {kind}");
            }
        }
    }
    let mut index = Index::with_ecs_mappings();
    for line in &lines[half..] {
        index.index(line).unwrap();
    }
}

#[test]
fn listed_names_have_their_type() {
    for (format, text) in [(LogFormat::Datadog, DATADOG), (LogFormat::Gcp, GCP)] {
        let listed = list(text);
        let names: Vec<_> = listed.keys().copied().collect();
        let keys = Keys::new(format, &resource());
        let own = line(&keys, &EventFields::default(), &SpanFields::default());
        for line in hostile_lines(format, &names) {
            for (name, value) in &line {
                match listed.get(name.as_str()) {
                    Some(&"ours") => {
                        assert_eq!(Some(value), own.get(name), "{format:?}: {name}");
                    }
                    Some(kind) => assert!(is_of_type(kind, value), "{name}: {value} not {kind}"),
                    None => {}
                }
            }
        }
    }
}

#[test]
fn lists_are_parsed_completely() {
    for (text, names) in [
        (ECS, &ECS_NAMES),
        (DATADOG, &DATADOG_NAMES),
        (GCP, &GCP_NAMES),
    ] {
        let parsed: BTreeMap<_, _> = names.types().collect();
        for name in list(text).keys() {
            assert!(parsed.contains_key(name), "{name}");
        }
    }
    assert_eq!(list(ECS).len(), 2605, "the number of fields in ECS 9.4.0");
}

#[test]
fn own_keys_of_ecs_are_in_its_list() {
    let keys = Keys::new(LogFormat::Ecs, &resource());
    let listed = list(ECS);
    for (name, value) in line(&keys, &EventFields::default(), &SpanFields::default()) {
        assert!(is_of_type(listed[name.as_str()], &value), "{name}");
    }
}

#[test]
fn fields_named_like_objects_are_renamed() {
    let line = |format| -> Value {
        let text = text(format, "info", Sampler::AlwaysOn, || {
            let span = tracing::info_span!("request", user = "bob", host = 7, duration = "1ms");
            span.in_scope(|| {
                tracing::info!(
                    error = "boom",
                    http.response.status_code = "200",
                    http.route = "/a",
                    service = "other",
                    tenant = "a",
                    paid = true,
                    order.id = 7,
                    message = "a field's",
                    "x"
                );
            });
        });
        serde_json::from_str(&text).unwrap()
    };
    let ecs = line(LogFormat::Ecs);
    for (key, value) in [
        ("labels.error", Value::from("boom")),
        ("labels.user", "bob".into()),
        ("numeric_labels.host", 7.into()),
        ("labels.service", "other".into()),
        ("labels.tenant", "a".into()),
        ("labels.paid", "true".into()),
        ("numeric_labels.order_id", 7.into()),
        ("labels.message", "a field's".into()),
        ("labels.http_route", "/a".into()),
        ("http.response.status_code", 200.into()),
        ("message", "x".into()),
    ] {
        assert_eq!(ecs[key], value, "{key} of {ecs}");
    }
    let datadog = line(LogFormat::Datadog);
    for (key, value) in [
        ("field.error", Value::from("boom")),
        ("field.host", 7.into()),
        ("field.service", "other".into()),
        ("field.duration", "1ms".into()),
        ("user", "bob".into()),
        ("tenant", "a".into()),
        ("paid", true.into()),
        ("order.id", 7.into()),
        ("http.route", "/a".into()),
    ] {
        assert_eq!(datadog[key], value, "{key} of {datadog}");
    }
    let flat = line(LogFormat::Json);
    assert_eq!(flat["error"], "boom");
    assert_eq!(flat["field.message"], "a field's");
}

#[test]
fn names_of_record_parts_are_renamed() {
    for name in ["severity_text", "trace_id", "trace.id", "flags", "level"] {
        assert_eq!(FLAT.name(name), format!("field.{name}"));
    }
    for name in ["trace", "order", "scope", "flag.s", "levels"] {
        assert_eq!(FLAT.name(name), name);
    }
}

#[test]
fn renamed_fields_do_not_collide() {
    for format in [LogFormat::Json, LogFormat::Gcp, LogFormat::Datadog] {
        let text = text(format, "info", Sampler::AlwaysOn, || {
            tracing::info!(
                message = "m",
                field.message = "fm",
                field.trace_id = "ft",
                trace_id = "t",
                "x"
            );
        });
        let line: Map<String, Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(line["field.message"], "m");
        assert_eq!(line["field.field.message"], "fm");
        assert_eq!(line["field.field.trace_id"], "ft");
    }
}
