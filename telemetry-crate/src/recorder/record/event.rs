//! Writes the record of an event.

use std::{borrow::Cow, ops::Range};

use opentelemetry::trace::SpanId;
use tracing::Level;

use super::{LENGTH, LEVELS, MARK_BYTES, finish, tag};
use crate::{
    evidence::EventNote,
    values::{Kind, TRUNCATION_MARK, TextField, prefix},
};

/// Maximum length of a target, or of the name of a field, in bytes.
pub(super) const MAX_FIELD_NAME: usize = 255;

/// Maximum length of the values of one event in bytes.
///
/// It is the same as the maximum length of a log line.
pub(super) const MAX_TEXT: usize = 16 * 1024;

/// Maximum length of the names of the fields of one event in bytes.
pub(super) const MAX_NAMES: usize = 16 * 1024;

/// Size of the numbers of an event in bytes.
const EVENT_HEADER: usize = LENGTH + 4 + 8 + 8 + 2;

/// Size of the lengths of a field of an event in bytes.
const FIELD_HEADER: usize = 1 + 1 + 2;

/// The state of an event that was logged.
pub(super) const IS_LOGGED: u8 = 1;

/// The state of an event of a sampled span.
pub(super) const IS_SAMPLED: u8 = 2;

/// A field of an event.
type EventField = TextField<Cow<'static, str>>;

/// The size of the record of an event.
#[derive(Debug, Clone, Copy)]
pub(in crate::recorder) struct EventSize {
    /// The largest number of bytes.
    pub(in crate::recorder) bytes: usize,
    /// Whether the event is so small that nothing is cut.
    is_small: bool,
}

impl EventSize {
    pub(in crate::recorder) fn of(event: &EventNote<'_>) -> Self {
        let names = event
            .fields
            .iter()
            .map(|field| FIELD_HEADER + field.name.len());
        let names: usize = names.sum();
        let (text, target) = (event.text.len(), event.target.len());
        Self {
            bytes: EVENT_HEADER
                + target.min(MAX_FIELD_NAME)
                + text.min(MAX_TEXT)
                + names.min(MAX_NAMES),
            // No name is longer than all of them.
            is_small: text <= MAX_TEXT && target <= MAX_FIELD_NAME && names <= MAX_FIELD_NAME,
        }
    }
}

/// Writes the record of an event; returns the bytes that were cut off its texts.
pub(in crate::recorder) fn write_event(
    out: &mut Vec<u8>,
    event: &EventNote<'_>,
    span_id: SpanId,
    size: EventSize,
) -> usize {
    if !size.is_small {
        return write_bounded(out, event, span_id, size.bytes);
    }
    out.reserve(size.bytes);
    let lengths = (event.target.len(), event.text.len());
    out.extend_from_slice(&header(event, span_id, size.bytes, lengths));
    out.extend_from_slice(event.target.as_bytes());
    out.extend_from_slice(event.text.as_bytes());
    for field in event.fields {
        let name = field.name.as_bytes();
        let value = field.text.end - field.text.start;
        let [low, high] = (value as u16).to_le_bytes();
        out.extend_from_slice(&[name.len() as u8, field.kind as u8, low, high]);
        out.extend_from_slice(name);
    }
    0
}

/// The numbers of an event, with the lengths of its target and of its text.
fn header(
    event: &EventNote<'_>,
    span_id: SpanId,
    size: usize,
    (target, text): (usize, usize),
) -> [u8; EVENT_HEADER] {
    let mut header = [tag::EVENT; EVENT_HEADER];
    header[..LENGTH].copy_from_slice(&((size - LENGTH) as u32).to_le_bytes());
    header[5] = level_number(event.level);
    header[6] = states(event);
    header[7] = target as u8;
    header[8..16].copy_from_slice(&span_id.to_bytes());
    header[16..24].copy_from_slice(&event.time.to_le_bytes());
    header[24..].copy_from_slice(&(text as u16).to_le_bytes());
    header
}

/// The position of a level in [`LEVELS`].
fn level_number(level: Level) -> u8 {
    match level {
        Level::ERROR => 0,
        Level::WARN => 1,
        Level::INFO => 2,
        Level::DEBUG => 3,
        Level::TRACE => 4,
    }
}

const _: () = assert!(LEVELS.len() == 5);

fn states(event: &EventNote<'_>) -> u8 {
    let is_sampled = event.ids.is_some_and(|ids| ids.flags.is_sampled());
    u8::from(event.is_logged) * IS_LOGGED + u8::from(is_sampled) * IS_SAMPLED
}

/// Writes the record of an event whose texts may have to be cut.
///
/// It has at most `size` bytes.
#[cold]
fn write_bounded(out: &mut Vec<u8>, event: &EventNote<'_>, span_id: SpanId, size: usize) -> usize {
    let start = out.len();
    let (text, mark) = match event.text.len() {
        0..=MAX_TEXT => (event.text, ""),
        _ => (prefix(event.text, MAX_TEXT - MARK_BYTES), TRUNCATION_MARK),
    };
    let target = prefix(event.target, MAX_FIELD_NAME);
    let lengths = (target.len(), text.len() + mark.len());
    out.extend_from_slice(&header(event, span_id, size, lengths));
    for part in [target, text, mark] {
        out.extend_from_slice(part.as_bytes());
    }
    let mut cut = event.text.len() - text.len() + event.target.len() - target.len();
    let mut fields = event.fields.iter();
    for field in fields.by_ref() {
        let name = prefix(&field.name, MAX_FIELD_NAME).as_bytes();
        if out.len() - start + FIELD_HEADER + name.len() > size {
            cut += shown(field, text.len());
            break;
        }
        cut += field.name.len() - name.len();
        let (kind, length) = if mark.is_empty() {
            (field.kind, field.text.len() as u16)
        } else {
            of_cut(field, text.len())
        };
        let [low, high] = length.to_le_bytes();
        out.extend_from_slice(&[name.len() as u8, kind as u8, low, high]);
        out.extend_from_slice(name);
    }
    // Beyond the limit on names, values cannot be shown either.
    cut += fields.map(|field| shown(field, text.len())).sum::<usize>();
    finish(out, start);
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
