//! The records of which the detail of a local root consists, as bytes.
//!
//! A record is its length, its tag and its fields. Numbers are little-endian, and a text is its length and its bytes.

use opentelemetry::trace::SpanId;
use tracing::Level;

use crate::{
    evidence::EventNote,
    values::{Kind, prefix},
};

/// Maximum length of a name, a key or a target in bytes.
const MAX_NAME: usize = 256;

/// Maximum length of the name of an event's field in bytes.
const MAX_FIELD_NAME: usize = 64;

/// Maximum length of a value or a message in bytes.
const MAX_VALUE: usize = 4 * 1024;

/// Maximum length of the values of one event in bytes.
///
/// It is the same as the maximum length of a log line.
const MAX_TEXT: usize = 16 * 1024;

/// Maximum length of the names of the fields of one event in bytes.
const MAX_NAMES: usize = 16 * 1024;

/// The parent of a span without a parent in the same root.
const NO_PARENT: u32 = u32::MAX;

/// One record of a local root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record<'a> {
    Start {
        span: u32,
        parent: Option<u32>,
        span_id: SpanId,
        /// Nanoseconds since the epoch, like all times of the recorder.
        time: u64,
        name: &'a str,
    },
    Name {
        span: u32,
        name: &'a str,
    },
    Attribute {
        span: u32,
        key: &'a str,
        value: &'a str,
    },
    Failed {
        span: u32,
        description: &'a str,
    },
    End {
        span: u32,
        time: u64,
    },
    Event(EventRecord<'a>),
}

/// The record of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EventRecord<'a> {
    pub(super) span_id: SpanId,
    pub(super) time: u64,
    pub(super) level: Level,
    pub(super) is_logged: bool,
    pub(super) target: &'a str,
    pub(super) message: &'a str,
    pub(super) fields: Vec<(&'a str, &'a str, Kind)>,
}

impl Record<'_> {
    /// The span of a record that is not an event.
    pub(super) fn span(&self) -> Option<u32> {
        match self {
            Self::Start { span, .. }
            | Self::Name { span, .. }
            | Self::Attribute { span, .. }
            | Self::Failed { span, .. }
            | Self::End { span, .. } => Some(*span),
            Self::Event(_) => None,
        }
    }

    /// The largest number of bytes that the record takes.
    pub(super) fn size(&self) -> usize {
        HEADER
            + match self {
                Self::Start { name, .. } => 24 + text_size(name, MAX_NAME),
                Self::Name { name, .. } => 4 + text_size(name, MAX_NAME),
                Self::Attribute { key, value, .. } => {
                    4 + text_size(key, MAX_NAME) + text_size(value, MAX_VALUE)
                }
                Self::Failed { description, .. } => 4 + text_size(description, MAX_VALUE),
                Self::End { .. } => 12,
                Self::Event(_) => 0,
            }
    }

    /// Writes a record that is not an event.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let start = begin(out);
        match self {
            Self::Start {
                span,
                parent,
                span_id,
                time,
                name,
            } => {
                let mut header = [tag::START; 25];
                header[1..5].copy_from_slice(&span.to_le_bytes());
                header[5..9].copy_from_slice(&parent.unwrap_or(NO_PARENT).to_le_bytes());
                header[9..17].copy_from_slice(&span_id.to_bytes());
                header[17..].copy_from_slice(&time.to_le_bytes());
                out.extend_from_slice(&header);
                put_text(out, name, MAX_NAME);
            }
            Self::Name { span, name } => {
                out.push(tag::NAME);
                put_u32(out, *span);
                put_text(out, name, MAX_NAME);
            }
            Self::Attribute { span, key, value } => {
                out.push(tag::ATTRIBUTE);
                put_u32(out, *span);
                put_text(out, key, MAX_NAME);
                put_text(out, value, MAX_VALUE);
            }
            Self::Failed { span, description } => {
                out.push(tag::FAILED);
                put_u32(out, *span);
                put_text(out, description, MAX_VALUE);
            }
            Self::End { span, time } => {
                let mut header = [tag::END; 13];
                header[1..5].copy_from_slice(&span.to_le_bytes());
                header[5..].copy_from_slice(&time.to_le_bytes());
                out.extend_from_slice(&header);
            }
            Self::Event(_) => {}
        }
        finish(out, start);
    }
}

/// The number of bytes that the record of an event takes.
pub(super) fn event_size(event: &EventNote<'_>) -> usize {
    let names = event
        .fields
        .iter()
        .map(|field| FIELD_HEADER + field.name.len());
    let target = event.target.len().min(MAX_FIELD_NAME);
    EVENT_HEADER + target + event.text.len().min(MAX_TEXT) + names.sum::<usize>().min(MAX_NAMES)
}

/// Writes the record of an event of at most `size` bytes.
pub(super) fn write_event(out: &mut Vec<u8>, event: &EventNote<'_>, span_id: SpanId, size: usize) {
    let start = out.len();
    // The bytes are reserved once, because many small extensions cost more than the copies.
    out.resize(start + size, 0);
    let mut rest = Writer(&mut out[start..]);
    let text = prefix(event.text, MAX_TEXT);
    let target = prefix(event.target, MAX_FIELD_NAME);
    let mut header = [tag::EVENT; EVENT_HEADER];
    header[..LENGTH].copy_from_slice(&((size - LENGTH) as u32).to_le_bytes());
    header[5] = level_number(event.level);
    header[6] = u8::from(event.is_logged);
    header[7] = target.len() as u8;
    header[8..16].copy_from_slice(&span_id.to_bytes());
    header[16..24].copy_from_slice(&event.time.to_le_bytes());
    header[24..].copy_from_slice(&(text.len() as u16).to_le_bytes());
    rest.bytes(&header);
    rest.bytes(target.as_bytes());
    rest.bytes(text.as_bytes());
    for field in event.fields {
        let name = prefix(&field.name, MAX_FIELD_NAME);
        if rest.0.len() < FIELD_HEADER + name.len() {
            break;
        }
        let [low, high] = (field.text.len() as u16).to_le_bytes();
        let kind = KINDS.iter().position(|kind| *kind == field.kind);
        rest.bytes(&[name.len() as u8, kind.unwrap_or_default() as u8, low, high]);
        rest.bytes(name.as_bytes());
    }
    let unused = rest.0.len();
    if unused > 0 {
        out.truncate(out.len() - unused);
        finish(out, start);
    }
}

/// All kinds of values, at the position of their number.
const KINDS: [Kind; 3] = [Kind::Bare, Kind::Text, Kind::Message];

/// Writes fields into bytes of the right size.
struct Writer<'a>(&'a mut [u8]);

impl Writer<'_> {
    fn bytes(&mut self, bytes: &[u8]) {
        let whole = std::mem::take(&mut self.0);
        if let Some((place, rest)) = whole.split_at_mut_checked(bytes.len()) {
            place.copy_from_slice(bytes);
            self.0 = rest;
        }
    }
}

/// Returns each record with its bytes.
///
/// Ends at the first invalid record, which the recorder does not write.
pub(super) fn records(bytes: &[u8]) -> impl Iterator<Item = (Record<'_>, &[u8])> {
    let mut rest = Reader(bytes);
    std::iter::from_fn(move || {
        let whole = rest.0;
        let length = rest.u32()?;
        let record = Reader(rest.bytes(length as usize)?).record()?;
        Some((record, whole.get(..LENGTH + length as usize)?))
    })
}

/// Size of the length of a record in bytes.
const LENGTH: usize = 4;

/// Size of the length and the tag of a record in bytes.
const HEADER: usize = LENGTH + 1;

/// Size of the numbers of an event in bytes.
const EVENT_HEADER: usize = LENGTH + 4 + 8 + 8 + 2;

/// Size of the lengths of a field of an event in bytes.
const FIELD_HEADER: usize = 1 + 1 + 2;

mod tag {
    pub(super) const START: u8 = 1;
    pub(super) const NAME: u8 = 2;
    pub(super) const ATTRIBUTE: u8 = 3;
    pub(super) const FAILED: u8 = 4;
    pub(super) const END: u8 = 5;
    pub(super) const EVENT: u8 = 6;
}

/// All levels, at the position of their number.
const LEVELS: [Level; 5] = [
    Level::ERROR,
    Level::WARN,
    Level::INFO,
    Level::DEBUG,
    Level::TRACE,
];

fn level_number(level: Level) -> u8 {
    let position = LEVELS.iter().position(|candidate| *candidate == level);
    position.unwrap_or_default() as u8
}

fn begin(out: &mut Vec<u8>) -> usize {
    let start = out.len();
    put_u32(out, 0);
    start
}

fn finish(out: &mut [u8], start: usize) {
    let length = (out.len() - start - LENGTH) as u32;
    if let Some(bytes) = out.get_mut(start..start + LENGTH) {
        bytes.copy_from_slice(&length.to_le_bytes());
    }
}

fn put_u16(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_u32(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

/// Size of the length of a text in bytes.
const TEXT_LENGTH: usize = 2;

fn text_size(text: &str, max: usize) -> usize {
    TEXT_LENGTH + text.len().min(max)
}

/// Writes at most `max` bytes of a text, and returns the number of bytes that were cut.
fn put_text(out: &mut Vec<u8>, text: &str, max: usize) -> usize {
    let kept = prefix(text, max);
    put_u16(out, kept.len() as u16);
    out.extend_from_slice(kept.as_bytes());
    text.len() - kept.len()
}

/// Reads fields from bytes.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.u16()?;
        std::str::from_utf8(self.bytes(length.into())?).ok()
    }

    fn span_id(&mut self) -> Option<SpanId> {
        self.array().map(SpanId::from_bytes)
    }

    fn record(&mut self) -> Option<Record<'a>> {
        let tag = self.u8()?;
        if tag == tag::EVENT {
            return self.event().map(Record::Event);
        }
        let span = self.u32()?;
        Some(match tag {
            tag::START => Record::Start {
                span,
                parent: Some(self.u32()?).filter(|parent| *parent != NO_PARENT),
                span_id: self.span_id()?,
                time: self.u64()?,
                name: self.text()?,
            },
            tag::NAME => Record::Name {
                span,
                name: self.text()?,
            },
            tag::ATTRIBUTE => Record::Attribute {
                span,
                key: self.text()?,
                value: self.text()?,
            },
            tag::FAILED => Record::Failed {
                span,
                description: self.text()?,
            },
            tag::END => Record::End {
                span,
                time: self.u64()?,
            },
            _ => return None,
        })
    }

    fn event(&mut self) -> Option<EventRecord<'a>> {
        let level = *LEVELS.get(usize::from(self.u8()?))?;
        let is_logged = self.u8()? != 0;
        let target_length = self.u8()?;
        let (span_id, time) = (self.span_id()?, self.u64()?);
        let text_length = self.u16()?;
        let target = std::str::from_utf8(self.bytes(target_length.into())?).ok()?;
        let mut text = std::str::from_utf8(self.bytes(text_length.into())?).ok()?;
        let mut event = EventRecord {
            span_id,
            time,
            level,
            is_logged,
            target,
            message: "",
            fields: Vec::new(),
        };
        while let Some(length) = self.u8() {
            let kind = *KINDS.get(usize::from(self.u8()?))?;
            let value_length = self.u16()?;
            let name = std::str::from_utf8(self.bytes(length.into())?).ok()?;
            // The end of the last values may have been cut.
            let value = prefix(text, value_length.into());
            text = &text[value.len()..];
            match kind {
                Kind::Message => event.message = value,
                kind => event.fields.push((name, value, kind)),
            }
        }
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::values::TextField;

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
            Record::End { span: 1, time: 3 },
        ];
        let mut bytes = Vec::new();
        for record in &all {
            let before = bytes.len();
            record.write(&mut bytes);
            assert_eq!(bytes.len() - before, record.size());
        }
        let read: Vec<_> = records(&bytes).map(|(record, _)| record).collect();
        assert_eq!(read, all);
        let whole: Vec<u8> = records(&bytes)
            .flat_map(|(_, bytes)| bytes.to_vec())
            .collect();
        assert_eq!(whole, bytes);
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
            ids: None,
            text: &text,
            fields: &items,
            is_logged: true,
        };
        let (mut bytes, size) = (vec![], event_size(&event));
        write_event(&mut bytes, &event, ID, size);
        assert!(bytes.len() <= size);
        match records(&bytes).next() {
            Some((Record::Event(event), _)) => read(event, bytes.len()),
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
            assert_eq!(
                (event.fields, event.is_logged),
                (fields[1..].to_vec(), true)
            );
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
}
