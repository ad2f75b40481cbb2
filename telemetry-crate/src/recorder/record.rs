//! Binary records: the detail of a local root consists of them.
//!
//! A record is its length, its tag and its fields. Numbers are little-endian, and a text is its length and its bytes.

#[cfg(feature = "db")]
mod attributes;
mod event;
mod reader;

#[cfg(test)]
mod tests;

use opentelemetry::trace::{SpanId, TraceFlags};
use tracing::Level;

#[cfg(feature = "db")]
pub(super) use self::attributes::{copy_attributes, write_attributes};
pub(super) use self::{
    event::{EventSize, write_event},
    reader::{Head, heads, records, remove},
};
use super::detail::Addition;
use crate::{
    evidence::MAX_VALUE,
    values::{Kind, TRUNCATION_MARK, prefix},
};

/// Maximum length of the name of a span or the key of an attribute in bytes.
const MAX_NAME: usize = 256;

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
            records: 1,
            cut: 0,
            head: match record {
                Record::Start { span, .. } => Head::Start(*span),
                Record::End { span, .. } => Head::End(*span),
                _ => Head::Other,
            },
        }
    }
}

/// All kinds of values, at the position of their number.
const KINDS: [Kind; 3] = [Kind::Bare, Kind::Text, Kind::Message];

/// Size of the mark of a cut text in bytes.
const MARK_BYTES: usize = TRUNCATION_MARK.len();

/// Size of the length of a record in bytes.
const LENGTH: usize = 4;

/// Size of the length and the tag of a record in bytes.
const HEADER: usize = LENGTH + 1;

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
