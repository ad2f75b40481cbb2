//! One line as one JSON object with unique keys.
//!
//! Order: `timestamp`, `level`, `target`, `message`, `trace_id`, `span_id`, or what the schema calls them, the event's fields, then the fields of its
//! spans from the innermost outwards, each name once. A field whose name has a meaning to the backend never takes its
//! place, so that no field forges a line's severity or trace; `schema` says where it goes.

use std::{
    cell::Cell,
    io::Write,
    ops::Range,
    time::{SystemTime, UNIX_EPOCH},
};

use super::{
    Line,
    bound::{IsWhole, MAX_CONSTANT, Room, write_within},
    fields::Kind,
    labels,
    schema::{Aside, DROPPED, Ids, Keys, PREFIX, Place, Schema},
};
use crate::span_ids::SpanIds;

pub(super) fn write_json(out: &mut Vec<u8>, line: &Line<'_>, keys: &Keys, room: Room) -> IsWhole {
    let schema = keys.schema;
    out.extend_from_slice(&keys.opening);
    write_time(out, line.time);
    out.extend_from_slice(keys.level(line.level));
    write_within(out, line.target, room.target, escape);
    out.extend_from_slice(b"\",\"message\":\"");
    write_within(out, line.event.message(), room.message, escape);
    out.push(b'"');
    if let Some(ids) = line.ids {
        write_ids(out, keys, ids);
    }
    out.extend_from_slice(&keys.constant);

    let mut names = Names {
        dropped: line.event.dropped(),
        is_cut: line.event.is_cut(),
        ..Names::default()
    };
    for (name, text, kind) in line.event.iter() {
        write_field(out, name, (text, kind), schema, room, &mut names);
    }
    (line.spans)(&mut |span| {
        names.is_cut |= span.is_cut();
        for (name, text, kind) in span.iter() {
            write_field(out, name, (text, kind), schema, room, &mut names);
        }
    });
    if names.dropped > 0 {
        write_key(out, &[DROPPED]);
        let mut digits = itoa::Buffer::new();
        out.extend_from_slice(digits.format(names.dropped).as_bytes());
    }
    out.extend_from_slice(b"}\n");
    IsWhole(names.dropped == 0 && !names.is_cut)
}

fn write_ids(out: &mut Vec<u8>, keys: &Keys, ids: SpanIds) {
    let SpanIds {
        trace_id, span_id, ..
    } = ids;
    let schema = keys.schema;
    write_own_key(out, schema.trace_id);
    out.extend_from_slice(&keys.trace_prefix);
    let trace_id = trace_id.to_bytes();
    match schema.ids {
        Ids::Hexadecimal => write_hex(out, &trace_id),
        Ids::Decimal => {
            let [.., a, b, c, d, e, f, g, h] = trace_id;
            write_decimal(out, [a, b, c, d, e, f, g, h]);
        }
    }
    out.push(b'"');
    write_own_key(out, schema.span_id);
    match schema.ids {
        Ids::Hexadecimal => write_hex(out, &span_id.to_bytes()),
        Ids::Decimal => write_decimal(out, span_id.to_bytes()),
    }
    out.push(b'"');
}

fn write_decimal(out: &mut Vec<u8>, bytes: [u8; 8]) {
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(digits.format(u64::from_be_bytes(bytes)).as_bytes());
}

/// No label's name is empty.
const NO_LABEL: Range<usize> = 0..0;

/// The names that are on the line already.
#[derive(Default)]
struct Names<'a> {
    /// Enough for nearly every line, and without an allocation.
    first: [Name<'a>; 16],
    count: usize,
    rest: Vec<Name<'a>>,
    /// Fields that are not on the line.
    dropped: usize,
    /// A value was cut before it came here.
    is_cut: bool,
}

#[derive(Clone, Default)]
struct Name<'a> {
    name: &'a str,
    /// Where the line has it as a label, in which names that differ may be the same; empty if it is none.
    label: Range<usize>,
}

impl<'a> Names<'a> {
    fn any(&self, test: impl Fn(&Name<'a>) -> bool) -> bool {
        let first = &self.first[..self.count];
        first.iter().any(&test) || self.rest.iter().any(test)
    }

    fn has(&self, name: &str) -> bool {
        self.any(|known| known.name == name)
    }

    fn has_label(&self, out: &[u8], label: &Range<usize>) -> bool {
        let bytes = &out[label.clone()];
        self.any(|known| known.label.len() == bytes.len() && out[known.label.clone()] == *bytes)
    }

    fn push(&mut self, name: &'a str, label: Range<usize>) {
        let name = Name { name, label };
        match self.first.get_mut(self.count) {
            Some(place) => {
                *place = name;
                self.count += 1;
            }
            None => self.rest.push(name),
        }
    }
}

fn write_field<'a>(
    out: &mut Vec<u8>,
    name: &'a str,
    (text, kind): (&str, Kind),
    schema: &Schema,
    room: Room,
    names: &mut Names<'a>,
) {
    if names.has(name) {
        return;
    }
    let start = out.len();
    let label = match schema.place(name) {
        Place::Free => {
            write_key(out, &[name]);
            write_value(out, text, kind, room);
            NO_LABEL
        }
        Place::As(type_of) => {
            write_key(out, &[name]);
            if type_of.write(out, text, kind, room) {
                NO_LABEL
            } else {
                out.truncate(start);
                write_aside(out, name, (text, kind), schema, room)
            }
        }
        Place::Aside => write_aside(out, name, (text, kind), schema, room),
    };
    if out.len() > room.fields || (!label.is_empty() && names.has_label(out, &label)) {
        out.truncate(start);
        names.dropped += 1;
    } else {
        names.push(name, label);
    }
}

/// Writes a field that cannot have its name; where its name stands if it is a label.
fn write_aside(
    out: &mut Vec<u8>,
    name: &str,
    (text, kind): (&str, Kind),
    schema: &Schema,
    room: Room,
) -> Range<usize> {
    match schema.aside {
        Aside::Prefixed => {
            write_key(out, &[PREFIX, name]);
            write_value(out, text, kind, room);
            NO_LABEL
        }
        Aside::Labels => labels::write(out, name, (text, kind), room),
    }
}

fn write_value(out: &mut Vec<u8>, text: &str, kind: Kind, room: Room) {
    match kind {
        Kind::Bare => out.extend_from_slice(text.as_bytes()),
        Kind::Text | Kind::Message => write_quoted(out, text, room.value),
    }
}

/// A text that is the same on every line.
pub(super) fn write_constant(out: &mut Vec<u8>, name: &str, text: &str) {
    write_key(out, &[name]);
    write_quoted(out, text, MAX_CONSTANT);
}

/// A text of so many bytes at most.
pub(super) fn write_quoted(out: &mut Vec<u8>, text: &str, bytes: usize) {
    out.push(b'"');
    write_within(out, text, bytes, escape);
    out.push(b'"');
}

/// A key of ours needs no escape; its value is text.
fn write_own_key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":\"");
}

/// A key of so many parts.
fn write_key(out: &mut Vec<u8>, parts: &[&str]) {
    out.extend_from_slice(b",\"");
    for part in parts {
        escape(out, part);
    }
    out.extend_from_slice(b"\":");
}

/// RFC 8259, section 7: quotation mark, backslash and the control characters must be escaped. U+007F need not be, and
/// still moves the cursor where the raw line is shown.
fn must_escape(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\') | (byte == 0x7f)
}

/// Whether any of eight bytes must be escaped: the tests of [`must_escape`] on all of them at once.
///
/// A byte is zero or less than `n` if taking `n` from it borrows into its highest bit, which was not set before. The
/// borrow may also reach the byte above, but only past one that is found anyway.
fn any_must_escape(bytes: [u8; 8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHEST: u64 = ONES << 7;
    let word = u64::from_le_bytes(bytes);
    let less = |word: u64, n: u64| word.wrapping_sub(ONES * n) & !word;
    let equal = |byte: u8| less(word ^ (ONES * u64::from(byte)), 1);
    (less(word, 0x20) | equal(b'"') | equal(b'\\') | equal(0x7f)) & HIGHEST != 0
}

/// The text between the quotation marks of a JSON string.
pub(crate) fn escape(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    // Nearly all text needs nothing.
    let (words, rest) = bytes.as_chunks::<8>();
    let escapes = words.iter().any(|word| any_must_escape(*word))
        || match bytes.last_chunk::<8>() {
            // Bytes that overlap the ones before are cheaper than a handful one by one.
            Some(end) => !rest.is_empty() && any_must_escape(*end),
            None => match (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
                (Some(&[a, b, c, d]), Some(&[e, f, g, h])) => {
                    any_must_escape([a, b, c, d, e, f, g, h])
                }
                _ => rest.iter().any(|byte| must_escape(*byte)),
            },
        };
    if !escapes {
        return out.extend_from_slice(bytes);
    }
    for byte in bytes {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte if must_escape(*byte) => {
                out.extend_from_slice(b"\\u00");
                write_hex(out, &[*byte]);
            }
            byte => out.push(*byte),
        }
    }
}

fn write_hex<const BYTES: usize>(out: &mut Vec<u8>, bytes: &[u8; BYTES]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    // Through the stack: a vector would look at its capacity for every digit.
    let mut hex = [[0; 2]; BYTES];
    for (pair, byte) in hex.iter_mut().zip(bytes) {
        *pair = [
            DIGITS[usize::from(byte >> 4)],
            DIGITS[usize::from(byte & 0xf)],
        ];
    }
    out.extend_from_slice(hex.as_flattened());
}

/// RFC 3339, UTC, microseconds.
pub(super) fn write_time(out: &mut Vec<u8>, time: SystemTime) {
    thread_local! {
        /// The second that this thread wrote last, and its text up to the point.
        static LAST: Cell<(u64, [u8; 19])> = const { Cell::new((0, *b"1970-01-01T00:00:00")) };
    }
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (mut second, mut text) = LAST.get();
    if since_epoch.as_secs() != second {
        second = since_epoch.as_secs();
        // A clock beyond the year 9999 is broken; the line still goes out.
        let shown = i64::try_from(second)
            .ok()
            .and_then(|second| jiff::Timestamp::from_second(second).ok());
        // Fails for want of room once the seconds are written: the rest is not needed.
        let _ = write!(&mut text[..], "{}", shown.unwrap_or_default());
        LAST.set((second, text));
    }
    let mut whole = *b"1970-01-01T00:00:00.000000Z";
    whole[..19].copy_from_slice(&text);
    let mut rest = since_epoch.subsec_micros();
    for digit in whole[20..26].iter_mut().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&whole);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn any_text_round_trips_in_one_line() {
        let hostile: String = (0u8..=0x7f)
            .map(char::from)
            .chain("ü\u{2028}🔭\u{0085}".chars())
            .collect();
        let mut out = Vec::new();
        write_key(&mut out, &[&hostile]);
        write_quoted(&mut out, &hostile, usize::MAX);
        let line = format!(
            "{{{}}}",
            String::from_utf8(out).unwrap().trim_start_matches(',')
        );
        assert_eq!(line.lines().count(), 1);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value[&hostile], hostile);
    }

    #[test]
    fn escapes_are_found_at_any_offset() {
        for byte in 0..=0x7f_u8 {
            for (length, around) in [(1, 'x'), (7, '!'), (8, ' '), (9, '~'), (23, '\u{80}')] {
                for position in 0..length {
                    let mut text = vec![around; length];
                    text[position] = char::from(byte);
                    let text = String::from_iter(text);
                    let mut out = Vec::new();
                    escape(&mut out, &text);
                    assert_eq!(out != text.as_bytes(), must_escape(byte), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn names_are_new_only_once() {
        let mut names = Names::default();
        let all: Vec<&'static str> = (0..40).map(|n| &*format!("name{n}").leak()).collect();
        for name in &all {
            assert!(!names.has(name));
            names.push(name, NO_LABEL);
        }
        assert!(all.iter().all(|name| names.has(name)));
    }

    #[test]
    fn times_have_six_digits_and_end_in_z() {
        let mut out = Vec::new();
        write_time(
            &mut out,
            std::time::UNIX_EPOCH + std::time::Duration::from_micros(1_500_000),
        );
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "1970-01-01T00:00:01.500000Z"
        );
    }
}
