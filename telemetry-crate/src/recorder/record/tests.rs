//! Tests of records: what is written is read again, within its size.

use std::borrow::Cow;

use opentelemetry::trace::TraceId;

use super::*;
use crate::{span_ids::SpanIds, values::TextField};

const ID: SpanId = SpanId::from_bytes([7; 8]);

#[test]
fn records_round_trip_within_their_size() {
    let all = [
        Record::Start {
            span: 0,
            parent: None,
            span_id: ID,
            time: 1,
            name: "GET /orders",
        },
        Record::Start {
            span: 1,
            parent: Some(0),
            span_id: ID,
            time: 2,
            name: "",
        },
        Record::Name {
            span: 1, name: "ü"
        },
        Record::Attribute {
            span: 1,
            key: "db.query.text",
            value: "SELECT 1",
        },
        Record::Failed {
            span: 1,
            description: "gone",
        },
        Record::Succeeded { span: 1 },
        Record::End { span: 1, time: 3 },
    ];
    let mut bytes = Vec::new();
    for record in &all {
        let before = bytes.len();
        record.write(&mut bytes);
        assert_eq!(bytes.len() - before, record.size());
    }
    let read: Vec<_> = records(&bytes).collect();
    assert_eq!(read, all);
    let (found, places): (Vec<_>, Vec<_>) = heads(&bytes).unzip();
    let other = Head::Other;
    let (first, second, end) = (Head::Start(0), Head::Start(1), Head::End(1));
    assert_eq!(found, [first, second, other, other, other, other, end]);
    assert_eq!(places.last().map(|place| place.end), Some(bytes.len()));
    remove(&mut bytes, places[1].clone());
    let read: Vec<_> = records(&bytes).collect();
    assert_eq!(read, [&all[..1], &all[2..]].concat());
    assert_eq!(heads(&bytes).count(), all.len());
}

/// Writes an event with these fields and reads it.
fn round_trip(fields: &[(&str, &str, Kind)], read: impl FnOnce(EventRecord<'_>, usize)) {
    let mut text = String::new();
    let mut items = Vec::new();
    for (name, value, kind) in fields {
        let start = text.len();
        text += value;
        items.push(TextField {
            name: Cow::Owned((*name).to_owned()),
            text: start..text.len(),
            kind: *kind,
        });
    }
    let event = EventNote {
        time: 9,
        level: Level::WARN,
        target: "orders",
        ids: Some(SpanIds {
            trace_id: TraceId::INVALID,
            span_id: ID,
            flags: TraceFlags::SAMPLED,
        }),
        text: &text,
        fields: &items,
        is_logged: true,
        place: None,
    };
    let (mut bytes, size) = (vec![], event_size(&event));
    write_event(&mut bytes, &event, ID, size);
    assert!(bytes.len() <= size);
    match records(&bytes).next() {
        Some(Record::Event(event)) => read(event, bytes.len()),
        other => unreachable!("one event was written, found {other:?}"),
    }
}

const MESSAGE: (&str, &str, Kind) = ("message", "failed", Kind::Message);

#[test]
fn events_round_trip() {
    let fields = [
        MESSAGE,
        ("order", "7", Kind::Bare),
        ("name", "Zoë", Kind::Text),
        ("empty", "", Kind::Text),
    ];
    round_trip(&fields, |event, _| {
        assert_eq!((event.message, event.time), ("failed", 9));
        assert_eq!((event.target, event.level), ("orders", Level::WARN));
        assert_eq!(event.fields, fields[1..].to_vec());
        assert_eq!((event.is_logged, event.flags), (true, TraceFlags::SAMPLED));
    });
    round_trip(&[], |event, _| assert_eq!(event.fields, []));
}

#[test]
fn events_are_bounded() {
    let long = "x".repeat(10_000);
    let mut fields = vec![MESSAGE, ("order", "7", Kind::Bare)];
    fields.extend(std::iter::repeat_n(("body", &*long, Kind::Text), 100));
    round_trip(&fields, |event, size| {
        assert_eq!(event.message, "failed");
        assert_eq!(event.fields[0].1, "7");
        assert_eq!(event.fields[1].1.len(), 10_000);
        assert!(size < MAX_TEXT + 2 * 1024, "{size}");
    });
    let name = "n".repeat(10_000);
    round_trip(&vec![(&*name, "v", Kind::Text); 10_000], |event, size| {
        assert_eq!(event.fields[0].0.len(), MAX_FIELD_NAME);
        assert!(size < MAX_NAMES + MAX_TEXT, "{size}");
    });
}

#[test]
fn invalid_bytes_end_the_records() {
    let mut bytes = Vec::new();
    Record::End { span: 1, time: 3 }.write(&mut bytes);
    for end in 0..bytes.len() {
        assert_eq!(records(&bytes[..end]).count(), 0);
    }
    bytes[4] = 99;
    assert_eq!(records(&bytes).count(), 0);
}
