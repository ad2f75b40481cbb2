//! Counts spans, attributes and events in an OTLP request.
//!
//! Walks over the protobuf encoding and skips fields that are not counted. Decoding every span would cost more than
//! sending it, and would take processor time from the load.

use std::ops::AddAssign;

/// Counts of messages of `opentelemetry.proto.trace.v1`.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Spans {
    pub(crate) spans: u64,
    pub(crate) attributes: u64,
    pub(crate) events: u64,
}

impl AddAssign for Spans {
    fn add_assign(&mut self, other: Self) {
        self.spans += other.spans;
        self.attributes += other.attributes;
        self.events += other.events;
    }
}

/// Counts an `ExportTraceServiceRequest` up to the first invalid byte.
pub(crate) fn count(request: &[u8]) -> Spans {
    let mut found = Spans::default();
    // The field numbers are those of `resource_spans` (1), `scope_spans` (2), `spans` (2), `attributes` (9) and
    // `events` (11).
    for resource_spans in messages(request, 1) {
        for scope_spans in messages(resource_spans, 2) {
            for span in messages(scope_spans, 2) {
                found.spans += 1;
                found.attributes += messages(span, 9).count() as u64;
                found.events += messages(span, 11).count() as u64;
            }
        }
    }
    found
}

/// The contents of every length-delimited field with this number.
fn messages(mut bytes: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        loop {
            let key = varint(&mut bytes)?;
            // The wire types are varint (0), 64 bits (1), length-delimited (2) and 32 bits (5).
            let content = match key & 7 {
                0 => varint(&mut bytes).map(|_| None)?,
                1 => take(&mut bytes, 8).map(|_| None)?,
                2 => {
                    let length = usize::try_from(varint(&mut bytes)?).ok()?;
                    Some(take(&mut bytes, length)?)
                }
                5 => take(&mut bytes, 4).map(|_| None)?,
                _ => return None,
            };
            if key >> 3 == number && content.is_some() {
                return content;
            }
        }
    })
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)?.first().copied()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encodes a length-delimited field with a length of one byte.
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, content.len() as u8], content].concat()
    }

    #[test]
    fn spans_attributes_and_events_are_counted() {
        // The fields `flags` (16, 32 bits) and `start_time_unix_nano` (7, 64 bits) are skipped.
        let flags_and_time = [0x85, 0x01, 1, 0, 0, 0, 0x39, 0, 0, 0, 0, 0, 0, 0, 0];
        let span = [
            &flags_and_time[..],
            &field(9, b"a"),
            &field(9, b"b"),
            &field(11, b"e"),
        ]
        .concat();
        let scope = [field(1, b"name"), field(2, &span), field(2, &span)].concat();
        let request = field(1, &[field(1, b"resource"), field(2, &scope)].concat());
        let found = count(&request);
        assert_eq!((found.spans, found.attributes, found.events), (2, 4, 2));
    }

    #[test]
    fn truncated_body_is_counted_to_its_end() {
        let request = field(1, &field(2, &field(2, b"")));
        assert_eq!(count(&request).spans, 1);
        assert_eq!(count(request.get(..3).unwrap_or_default()).spans, 0);
        assert_eq!(count(b"not protobuf").spans, 0);
    }
}
