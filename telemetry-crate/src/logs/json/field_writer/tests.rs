//! Compares the ways in which the fields of a line are written.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*, sample::select};
use tracing::Level;

use super::Names;
use crate::{
    config::LogFormat,
    logs::{
        LogLine, bound::LineLimits, fields::EventFields, json::write_json,
        rendered_names::RenderedNames, schema::Keys, span_fields::SpanFields,
    },
    name_set::NameSet,
    resource::Resource,
    values::Kind,
};

/// Names that are kept, renamed, escaped, or have the same bit in a set of names.
const NAMES: [&str; 14] = [
    "order.id",
    "order",
    "url.path",
    "level",
    "message",
    "trace_id",
    "severity",
    "field.level",
    "labels.order",
    "with \"quotes\"",
    "ü",
    "",
    "a",
    "A",
];

type Field = (&'static str, (String, Kind));

fn field() -> impl Strategy<Value = Field> {
    let text = prop_oneof![".{0,20}", Just("\"\n".to_owned())];
    let value = prop_oneof![
        text.prop_map(|text| (text, Kind::Text)),
        any::<i32>().prop_map(|number| (number.to_string(), Kind::Bare)),
        any::<bool>().prop_map(|value| (value.to_string(), Kind::Bare)),
    ];
    (select(&NAMES[..]), value)
}

fn span_fields(fields: &[Field]) -> SpanFields {
    let mut span = SpanFields::default();
    for (name, (text, kind)) in fields {
        span.put(name, (text, *kind));
    }
    span
}

struct Lines {
    keys: Keys,
    rendered: RenderedNames,
}

impl Lines {
    fn of(format: LogFormat) -> Self {
        let resource = Resource::new(None, None, Vec::new(), BTreeMap::new(), None);
        Self {
            keys: Keys::new(format, &resource),
            rendered: RenderedNames::default(),
        }
    }

    fn line(&mut self, event: &EventFields, spans: &[SpanFields], limits: LineLimits) -> String {
        let line = LogLine {
            time: 0,
            level: Level::INFO,
            target: "orders",
            ids: None,
            is_last: false,
            event,
            spans: &|visit| spans.iter().for_each(&mut *visit),
        };
        let mut out = Vec::new();
        write_json(&mut out, &line, &self.keys, &mut self.rendered, limits);
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// Limits that shorten nothing.
///
/// With them, the fields of a span are written one by one.
const ONE_BY_ONE: LineLimits = LineLimits {
    fields: usize::MAX - 1,
    ..LineLimits::UNLIMITED
};

#[test]
fn pushed_names_are_found() {
    let mut names = Names::default();
    let all: Vec<&'static str> = (0..40).map(|n| &*format!("name{n}").leak()).collect();
    for name in &all {
        assert!(!names.has(name, NameSet::of(name)));
        names.set.add(NameSet::of(name));
        names.push(name);
    }
    assert!(all.iter().all(|name| names.has(name, NameSet::of(name))));
}

proptest! {
    #[test]
    fn spans_are_written_as_field_by_field(
        own in vec(field(), 0..4),
        outer in vec(vec(field(), 0..4), 0..4),
        added in field(),
    ) {
        for format in [LogFormat::Json, LogFormat::Ecs, LogFormat::Gcp, LogFormat::Datadog] {
            let mut lines = Lines::of(format);
            let mut event = EventFields::default();
            for (name, (text, kind)) in &own {
                event.put(name, (text, *kind));
            }
            let mut spans: Vec<_> = outer.iter().map(|fields| span_fields(fields)).collect();
            let one_by_one = lines.line(&event, &spans, ONE_BY_ONE);
            // The first line renders the fields, and the second uses them.
            for _ in 0..2 {
                let at_once = lines.line(&event, &spans, LineLimits::UNLIMITED);
                prop_assert_eq!(&at_once, &one_by_one);
            }
            // A field that is recorded later is on the next line.
            if let Some(span) = spans.first_mut() {
                let (name, (text, kind)) = &added;
                span.put(name, (text, *kind));
            }
            let one_by_one = lines.line(&event, &spans, ONE_BY_ONE);
            let at_once = lines.line(&event, &spans, LineLimits::UNLIMITED);
            prop_assert_eq!(&at_once, &one_by_one);
        }
    }
}
