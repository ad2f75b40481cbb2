//! Binary records: the detail of a local root consists of them.
//!
//! A record is its length, its tag and its fields. Numbers are little-endian, and a text is its length and its bytes.

mod reader;

#[cfg(test)]
mod tests;

use std::{borrow::Cow, ops::Range};

use opentelemetry::trace::{SpanId, TraceFlags};
use tracing::Level;

pub(super) use self::reader::{Head, heads, records, remove};
use super::detail::Addition;
use crate::{
    evidence::{EventNote, MAX_VALUE},
    values::{Kind, TRUNCATION_MARK, TextField, prefix},
};

/// Maximum length of the name of a span or the key of an attribute in bytes.
const MAX_NAME: usize = 256;

/// Maximum length of a target, or of the name of a field, in bytes.
const MAX_FIELD_NAME: usize = 255;

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
    /// The status Ok, which overrides an error.
    Succeeded {
        span: u32,
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
    /// The flags of the span.
    pub(super) flags: TraceFlags,
    pub(super) target: &'a str,
    pub(super) message: &'a str,
    pub(super) fields: Vec<(&'a str, &'a str, Kind)>,
}

impl Record<'_> {
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
                Self::Succeeded { .. } => 4,
                Self::End { .. } => 12,
                Self::Event(_) => 0,
            }
    }

    /// Writes a record that is not an event.
    ///
    /// Returns the bytes that were cut off its texts.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> usize {
        let start = begin(out);
        let cut = match self {
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
                put_text(out, name, MAX_NAME)
            }
            Self::Name { span, name } => {
                out.push(tag::NAME);
                put_u32(out, *span);
                put_text(out, name, MAX_NAME)
            }
            Self::Attribute { span, key, value } => {
                out.push(tag::ATTRIBUTE);
                put_u32(out, *span);
                put_text(out, key, MAX_NAME) + put_text(out, value, MAX_VALUE)
            }
            Self::Failed { span, description } => {
                out.push(tag::FAILED);
                put_u32(out, *span);
                put_text(out, description, MAX_VALUE)
            }
            Self::Succeeded { span } => {
                out.push(tag::SUCCEEDED);
                put_u32(out, *span);
                0
            }
            Self::End { span, time } => {
                let mut header = [tag::END; 13];
                header[1..5].copy_from_slice(&span.to_le_bytes());
                header[5..].copy_from_slice(&time.to_le_bytes());
                out.extend_from_slice(&header);
                0
            }
            Self::Event(_) => 0,
        };
        finish(out, start);
        cut
    }
}

impl From<&Record<'_>> for Addition {
    fn from(record: &Record<'_>) -> Self {
        Self {
            size: record.size(),
            cut: 0,
            head: match record {
                Record::Start { span, .. } => Head::Start(*span),
                Record::End { span, .. } => Head::End(*span),
                _ => Head::Other,
            },
        }
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
///
/// Returns the bytes that were cut off its texts.
pub(super) fn write_event(
    out: &mut Vec<u8>,
    event: &EventNote<'_>,
    span_id: SpanId,
    size: usize,
) -> usize {
    let start = out.len();
    // The bytes are reserved once, because many small extensions cost more than the copies.
    out.resize(start + size, 0);
    let mut rest = Writer(&mut out[start..]);
    let (text, mark) = match event.text.len() {
        0..=MAX_TEXT => (event.text, ""),
        _ => (prefix(event.text, MAX_TEXT - MARK_BYTES), TRUNCATION_MARK),
    };
    let target = prefix(event.target, MAX_FIELD_NAME);
    let mut header = [tag::EVENT; EVENT_HEADER];
    header[..LENGTH].copy_from_slice(&((size - LENGTH) as u32).to_le_bytes());
    header[5] = level_number(event.level);
    header[6] = states(event);
    header[7] = target.len() as u8;
    header[8..16].copy_from_slice(&span_id.to_bytes());
    header[16..24].copy_from_slice(&event.time.to_le_bytes());
    header[24..].copy_from_slice(&((text.len() + mark.len()) as u16).to_le_bytes());
    rest.bytes(&header);
    rest.bytes(target.as_bytes());
    rest.bytes(text.as_bytes());
    rest.bytes(mark.as_bytes());
    let mut cut = event.text.len() - text.len() + event.target.len() - target.len();
    let mut fields = event.fields.iter();
    for field in fields.by_ref() {
        let name = prefix(&field.name, MAX_FIELD_NAME).as_bytes();
        let Some(place) = rest.take(FIELD_HEADER + name.len()) else {
            cut += shown(field, text.len());
            break;
        };
        cut += field.name.len() - name.len();
        let (header, place) = place.split_at_mut(FIELD_HEADER);
        let (kind, length) = if mark.is_empty() {
            (field.kind, field.text.len() as u16)
        } else {
            of_cut(field, text.len())
        };
        let [low, high] = length.to_le_bytes();
        header.copy_from_slice(&[name.len() as u8, kind as u8, low, high]);
        place.copy_from_slice(name);
    }
    // Beyond the limit on names, values cannot be shown either.
    cut += fields.map(|field| shown(field, text.len())).sum::<usize>();
    let unused = rest.0.len();
    if unused > 0 {
        out.truncate(out.len() - unused);
        finish(out, start);
    }
    cut
}

/// The bytes of a field's name, and of its value in the kept bytes.
fn shown(field: &EventField, kept: usize) -> usize {
    let value = field.text.end.min(kept) - field.text.start.min(kept);
    field.name.len() + value
}

/// The kind and the length of a value if the values end in a mark.
///
/// The first `kept` bytes of all values are before the mark.
#[cold]
fn of_cut(field: &EventField, kept: usize) -> (Kind, u16) {
    let Range { start, end } = field.text;
    // Of a value after the mark, the reader finds nothing, and shows another mark.
    if end <= kept || start > kept {
        let length = u16::try_from(end - start).unwrap_or(u16::MAX);
        return (field.kind, length);
    }
    let kind = match field.kind {
        Kind::Bare => Kind::Text,
        kind => kind,
    };
    (kind, (kept - start + MARK_BYTES) as u16)
}

/// A field of an event.
type EventField = TextField<Cow<'static, str>>;

/// Size of the mark of a cut text in bytes.
const MARK_BYTES: usize = TRUNCATION_MARK.len();

/// The state of an event that was logged.
const IS_LOGGED: u8 = 1;

/// The state of an event of a sampled span.
const IS_SAMPLED: u8 = 2;

fn states(event: &EventNote<'_>) -> u8 {
    let is_sampled = event.ids.is_some_and(|ids| ids.flags.is_sampled());
    u8::from(event.is_logged) * IS_LOGGED + u8::from(is_sampled) * IS_SAMPLED
}

/// All kinds of values, at the position of their number.
const KINDS: [Kind; 3] = [Kind::Bare, Kind::Text, Kind::Message];

/// Writes fields into bytes of the right size.
struct Writer<'a>(&'a mut [u8]);

impl<'a> Writer<'a> {
    /// The next bytes; `None` if there are not as many.
    fn take(&mut self, count: usize) -> Option<&'a mut [u8]> {
        if self.0.len() < count {
            return None;
        }
        let (place, rest) = std::mem::take(&mut self.0).split_at_mut(count);
        self.0 = rest;
        Some(place)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if let Some(place) = self.take(bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }
}

/// Size of the length of a record in bytes.
const LENGTH: usize = 4;

/// Size of the length and the tag of a record in bytes.
const HEADER: usize = LENGTH + 1;

/// Size of the numbers of an event in bytes.
const EVENT_HEADER: usize = LENGTH + 4 + 8 + 8 + 2;

/// Size of the lengths of a field of an event in bytes.
const FIELD_HEADER: usize = 1 + 1 + 2;

/// The first byte of a record.
mod tag {
    pub(super) const START: u8 = 1;
    pub(super) const NAME: u8 = 2;
    pub(super) const ATTRIBUTE: u8 = 3;
    pub(super) const FAILED: u8 = 4;
    pub(super) const END: u8 = 5;
    pub(super) const EVENT: u8 = 6;
    pub(super) const SUCCEEDED: u8 = 7;
    /// Takes the place of another tag.
    pub(super) const REMOVED: u8 = 8;
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

/// Writes at most `max` bytes of a text; returns the bytes that were cut.
///
/// A cut text ends in [`TRUNCATION_MARK`].
fn put_text(out: &mut Vec<u8>, text: &str, max: usize) -> usize {
    if text.len() > max {
        return put_beginning(out, text, max);
    }
    put_u16(out, text.len() as u16);
    out.extend_from_slice(text.as_bytes());
    0
}

#[cold]
fn put_beginning(out: &mut Vec<u8>, text: &str, max: usize) -> usize {
    let kept = prefix(text, max - MARK_BYTES);
    put_u16(out, (kept.len() + MARK_BYTES) as u16);
    out.extend_from_slice(kept.as_bytes());
    out.extend_from_slice(TRUNCATION_MARK.as_bytes());
    text.len() - kept.len()
}
