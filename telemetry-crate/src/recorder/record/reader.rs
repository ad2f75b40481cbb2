//! Reads records from the bytes of a detail.

use std::ops::Range;

use opentelemetry::trace::{SpanId, TraceFlags};

use super::{
    EventRecord, KINDS, LENGTH, LEVELS, NO_PARENT, Record,
    event::{IS_LOGGED, IS_SAMPLED},
    tag,
};
use crate::values::{Kind, TRUNCATION_MARK, prefix};

/// Returns the records.
///
/// Ends at the first invalid record, which the recorder does not write.
pub(in crate::recorder) fn records(bytes: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut rest = Reader(bytes);
    std::iter::from_fn(move || {
        loop {
            let length = rest.u32()?;
            let bytes = rest.bytes(length as usize)?;
            if bytes.first() != Some(&tag::REMOVED) {
                return Reader(bytes).record();
            }
        }
    })
}

/// What a record says of the spans that are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::recorder) enum Head {
    Start(u32),
    End(u32),
    /// The record is marked as removed.
    Removed,
    Other,
}

/// Returns the head of each record, and the place of the record.
///
/// This is cheaper than to read all of it.
pub(in crate::recorder) fn heads(bytes: &[u8]) -> impl Iterator<Item = (Head, Range<usize>)> {
    let mut rest = Reader(bytes);
    let mut start = 0;
    std::iter::from_fn(move || {
        let length = rest.u32()? as usize;
        let mut record = Reader(rest.bytes(length)?);
        let head = match record.u8()? {
            tag::START => Head::Start(record.u32()?),
            tag::END => Head::End(record.u32()?),
            tag::REMOVED => Head::Removed,
            _ => Head::Other,
        };
        let place = start..start + LENGTH + length;
        start = place.end;
        Some((head, place))
    })
}

/// Marks a record as removed.
pub(in crate::recorder) fn remove(bytes: &mut [u8], place: Range<usize>) {
    if let Some(tag) = bytes.get_mut(place.start + LENGTH) {
        *tag = tag::REMOVED;
    }
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
            tag::SUCCEEDED => Record::Succeeded { span },
            tag::END => Record::End {
                span,
                time: self.u64()?,
            },
            _ => return None,
        })
    }

    fn event(&mut self) -> Option<EventRecord<'a>> {
        let level = *LEVELS.get(usize::from(self.u8()?))?;
        let states = self.u8()?;
        let target_length = self.u8()?;
        let (span_id, time) = (self.span_id()?, self.u64()?);
        let text_length = self.u16()?;
        let target = std::str::from_utf8(self.bytes(target_length.into())?).ok()?;
        let mut text = std::str::from_utf8(self.bytes(text_length.into())?).ok()?;
        let mut event = EventRecord {
            span_id,
            time,
            level,
            is_logged: states & IS_LOGGED != 0,
            flags: TraceFlags::NOT_SAMPLED.with_sampled(states & IS_SAMPLED != 0),
            target,
            message: "",
            fields: Vec::new(),
        };
        while let Some(length) = self.u8() {
            let kind = *KINDS.get(usize::from(self.u8()?))?;
            let value_length = self.u16()?;
            let name = std::str::from_utf8(self.bytes(length.into())?).ok()?;
            let value = prefix(text, value_length.into());
            text = &text[value.len()..];
            // All of the last values may have been cut.
            let (value, kind) = match kind {
                Kind::Bare if value.len() < usize::from(value_length) => {
                    (TRUNCATION_MARK, Kind::Text)
                }
                kind if value.is_empty() && value_length > 0 => (TRUNCATION_MARK, kind),
                kind => (value, kind),
            };
            match kind {
                Kind::Message => event.message = value,
                kind => event.fields.push((name, value, kind)),
            }
        }
        Some(event)
    }
}
