//! Tests of records: what is written is read again, within its size.

use std::borrow::Cow;

use opentelemetry::trace::TraceId;

use super::{
    event::{MAX_FIELD_NAME, MAX_NAMES, MAX_TEXT},
    *,
};
use crate::{evidence::EventNote, span_ids::SpanIds, values::TextField};

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
        assert_eq!(record.write(&mut bytes), 0);
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
    assert_eq!(
        heads(&bytes).nth(1).map(|(head, _)| head),
        Some(Head::Removed)
    );
}

#[test]
fn long_texts_end_in_a_mark() {
    let long = "ö".repeat(500_000);
    let mut bytes = Vec::new();
    let value = Record::Attribute {
        span: 0,
        key: "body",
        value: &long,
    };
    let cut = value.write(&mut bytes);
    assert!(bytes.len() <= value.size());
    let Some(Record::Attribute { value, .. }) = records(&bytes).next() else {
        unreachable!("an attribute was written");
    };
    assert!((MAX_VALUE - 1..=MAX_VALUE).contains(&value.len()));
    let kept = value.strip_suffix(TRUNCATION_MARK).unwrap_or_default();
    assert!(long.starts_with(kept));
    assert_eq!(kept.len() + cut, long.len());
    let name = Record::Name {
        span: 0,
        name: &long,
    };
    assert!(name.write(&mut bytes) > 999_000);
}

/// Writes an event with these fields and reads it.
///
/// `read` also gets the size of the record, and the bytes that were cut.
fn round_trip(fields: &[(&str, &str, Kind)], read: impl FnOnce(EventRecord<'_>, (usize, usize))) {
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
    let (mut bytes, size) = (vec![], EventSize::of(&event));
    let cut = write_event(&mut bytes, &event, ID, size);
    assert!(bytes.len() <= size.bytes);
    match records(&bytes).next() {
        Some(Record::Event(event)) => read(event, (bytes.len(), cut)),
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
    round_trip(&fields, |event, (_, cut)| {
        assert_eq!(cut, 0);
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
    round_trip(&fields, |event, (size, _)| {
        assert_eq!(event.message, "failed");
        assert_eq!(event.fields[0].1, "7");
        assert_eq!(event.fields[1].1.len(), 10_000);
        assert!(size < MAX_TEXT + 2 * 1024, "{size}");
    });
    let name = "n".repeat(10_000);
    round_trip(
        &vec![(&*name, "v", Kind::Text); 10_000],
        |event, (size, cut)| {
            assert_eq!(event.fields[0].0.len(), MAX_FIELD_NAME);
            let shown = event.fields.len() * (MAX_FIELD_NAME + 1);
            assert_eq!(shown + cut, 10_000 * 10_001);
            assert!(size < MAX_NAMES + MAX_TEXT, "{size}");
        },
    );
}

#[test]
fn values_that_were_cut_are_marked() {
    let (long, other) = ("x".repeat(10_000), "y".repeat(10_000));
    let fields = [
        MESSAGE,
        ("order", "7", Kind::Bare),
        ("body", &*long, Kind::Text),
        ("answer", &*other, Kind::Text),
        ("empty", "", Kind::Text),
        ("count", "12345", Kind::Bare),
        ("name", "Zoë", Kind::Text),
    ];
    round_trip(&fields, |event, (_, cut)| {
        assert_eq!(event.fields[..2], fields[1..3]);
        let kept = event.fields[2].1.strip_suffix(TRUNCATION_MARK);
        let kept = kept.map_or(0, str::len);
        assert_eq!(cut, 10_000 - kept + "12345Zoë".len());
        let rest = [
            ("empty", "", Kind::Text),
            // The mark is no number.
            ("count", TRUNCATION_MARK, Kind::Text),
            ("name", TRUNCATION_MARK, Kind::Text),
        ];
        assert_eq!(event.fields[3..], rest);
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
