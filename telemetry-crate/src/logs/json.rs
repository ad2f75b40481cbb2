//! The JSON format: each line is one object with unique keys.
//!
//! A line starts with the time, the level, the target, the message, the trace id and the span id, whose keys depend on the
//! schema. The schema's constant keys follow, then the event's fields, then the fields of its spans from the innermost
//! outwards. If the event and its spans have fields with the same name, only the first of them is written. A field cannot
//! forge the severity or the trace of a line, because `schema` renames fields whose names are reserved.

mod field_writer;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, cell::Cell, io::Write};

use self::field_writer::FieldWriter;
use super::{
    LogLine,
    bound::{IsComplete, LineLimits, MAX_CONSTANT, write_truncated},
    rendered_names::RenderedNames,
    schema::{DROPPED, Ids, Keys},
};
use crate::{span_ids::SpanIds, values::Kind};

/// Writes the line as one JSON object and a newline, within `limits`.
pub(super) fn write_json(
    out: &mut Vec<u8>,
    line: &LogLine<'_>,
    keys: &Keys,
    rendered: &mut RenderedNames,
    limits: LineLimits,
) -> IsComplete {
    let schema = keys.schema;
    out.extend_from_slice(&keys.opening);
    write_time(out, line.time);
    out.extend_from_slice(keys.level(line.level));
    write_truncated(out, line.target, limits.target, escape);
    out.extend_from_slice(b"\",\"message\":\"");
    write_truncated(out, line.event.message(), limits.message, escape);
    out.push(b'"');
    if let Some(ids) = line.ids {
        write_ids(out, keys, ids);
    }
    out.extend_from_slice(&keys.constant);

    let mut fields = FieldWriter::new(line, schema, limits, rendered);
    let mut is_truncated = line.event.is_truncated();
    for (name, text, kind) in line.event.iter() {
        let fixed = match name {
            Cow::Borrowed(name) => Some(*name),
            Cow::Owned(_) => None,
        };
        fields.write(out, name, fixed, (text, kind));
    }
    (line.spans)(&mut |span| {
        is_truncated |= span.fields().is_truncated();
        fields.write_span(out, span);
    });
    let dropped = fields.dropped();
    if dropped > 0 {
        write_key(out, &[DROPPED]);
        let mut digits = itoa::Buffer::new();
        out.extend_from_slice(digits.format(dropped).as_bytes());
    }
    out.extend_from_slice(b"}\n");
    IsComplete(dropped == 0 && !is_truncated)
}

fn write_ids(out: &mut Vec<u8>, keys: &Keys, ids: SpanIds) {
    let (trace_id, span_id) = (ids.trace_id.to_bytes(), ids.span_id.to_bytes());
    out.extend_from_slice(&keys.before_trace_id);
    match keys.schema.ids {
        Ids::Hexadecimal => {
            write_hex(out, &trace_id);
            out.extend_from_slice(&keys.before_span_id);
            write_hex(out, &span_id);
        }
        // Only the lower half of the trace id is written, because decimal ids have 64 bits.
        Ids::Decimal => {
            let [.., a, b, c, d, e, f, g, h] = trace_id;
            write_decimal(out, [a, b, c, d, e, f, g, h]);
            out.extend_from_slice(&keys.before_span_id);
            write_decimal(out, span_id);
        }
    }
    out.push(b'"');
}

fn write_decimal(out: &mut Vec<u8>, bytes: [u8; 8]) {
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(digits.format(u64::from_be_bytes(bytes)).as_bytes());
}

fn write_value(out: &mut Vec<u8>, text: &str, kind: Kind, limits: LineLimits) {
    match kind {
        Kind::Bare => out.extend_from_slice(text.as_bytes()),
        Kind::Text | Kind::Message => write_quoted(out, text, limits.value),
    }
}

/// Writes a key and a text that are the same on every line.
pub(super) fn write_constant(out: &mut Vec<u8>, name: &str, text: &str) {
    write_key(out, &[name]);
    write_quoted(out, text, MAX_CONSTANT);
}

/// Writes a text in quotation marks, truncated to `bytes`.
pub(super) fn write_quoted(out: &mut Vec<u8>, text: &str, bytes: usize) {
    out.push(b'"');
    write_truncated(out, text, bytes, escape);
    out.push(b'"');
}

/// Writes a key, which is the concatenation of `parts`.
pub(super) fn write_key(out: &mut Vec<u8>, parts: &[&str]) {
    out.extend_from_slice(b",\"");
    for part in parts {
        escape(out, part);
    }
    out.extend_from_slice(b"\":");
}

/// Whether a byte must be escaped.
///
/// RFC 8259, section 7, requires an escape for the quotation mark, the backslash and the control characters up to U+001F.
/// U+007F is escaped as well, because it moves the cursor of a terminal that shows the raw line.
fn must_escape(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\') | (byte == 0x7f)
}

/// Whether any of eight bytes must be escaped.
///
/// Applies the tests of [`must_escape`] to all bytes at once. A byte is less than `n`, which is at
/// most 0x80, if its highest bit is clear and subtracting `n` sets it. A byte that is less than `n`
/// also borrows from the next byte, whose test may then be wrong. This does no harm, because the
/// result is already true.
fn any_must_escape(bytes: [u8; 8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHEST: u64 = ONES << 7;
    let word = u64::from_le_bytes(bytes);
    let less = |word: u64, n: u64| word.wrapping_sub(ONES * n) & !word;
    let equal = |byte: u8| less(word ^ (ONES * u64::from(byte)), 1);
    (less(word, 0x20) | equal(b'"') | equal(b'\\') | equal(0x7f)) & HIGHEST != 0
}

/// Writes text as the content of a JSON string, without the quotation marks.
pub(crate) fn escape(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    // The fast path, because nearly all text needs no escapes.
    let (words, rest) = bytes.as_chunks::<8>();
    let needs_escapes = words.iter().any(|word| any_must_escape(*word))
        || match bytes.last_chunk::<8>() {
            // Testing the last eight bytes, some of them twice, is cheaper than testing the rest one by one.
            Some(end) => !rest.is_empty() && any_must_escape(*end),
            // For a text of four to seven bytes, the first and the last four bytes are tested, for the same reason.
            None => match (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
                (Some(&[a, b, c, d]), Some(&[e, f, g, h])) => {
                    any_must_escape([a, b, c, d, e, f, g, h])
                }
                _ => rest.iter().any(|byte| must_escape(*byte)),
            },
        };
    if !needs_escapes {
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

/// The two hexadecimal digits of each byte.
const HEX: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let (mut hex, mut byte) = ([[0; 2]; 256], 0);
    while byte < hex.len() {
        hex[byte] = [digits[byte >> 4], digits[byte & 0xf]];
        byte += 1;
    }
    hex
};

fn write_hex<const BYTES: usize>(out: &mut Vec<u8>, bytes: &[u8; BYTES]) {
    // The digits are collected in an array, because pushing each to the vector would check the vector's capacity.
    let hex = bytes.map(|byte| HEX[usize::from(byte)]);
    out.extend_from_slice(hex.as_flattened());
}

/// The two digits of each number below 100.
const DECIMAL: [[u8; 2]; 100] = {
    let (mut decimal, mut number) = ([[0; 2]; 100], 0);
    while number < decimal.len() {
        decimal[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    decimal
};

/// Writes a time as RFC 3339, in UTC with microseconds.
///
/// `time` is in nanoseconds since the epoch.
pub(super) fn write_time(out: &mut Vec<u8>, time: u64) {
    thread_local! {
        /// The last second that this thread wrote, and its text up to the decimal point.
        static LAST: Cell<(u64, [u8; 19])> = const { Cell::new((0, *b"1970-01-01T00:00:00")) };
    }
    let (whole_seconds, nanos) = (time / 1_000_000_000, time % 1_000_000_000);
    let (mut second, mut text) = LAST.get();
    if whole_seconds != second {
        second = whole_seconds;
        let timestamp = i64::try_from(second)
            .ok()
            .and_then(|second| jiff::Timestamp::from_second(second).ok());
        // `text` ends with the seconds. Writing the `Z` after them fails for lack of room, and the error is ignored.
        let _ = write!(&mut text[..], "{}", timestamp.unwrap_or_default());
        LAST.set((second, text));
    }
    let mut whole = *b"1970-01-01T00:00:00.000000Z";
    whole[..19].copy_from_slice(&text);
    let micros = nanos / 1_000;
    let pairs = [micros / 10_000, micros / 100 % 100, micros % 100];
    let pairs = pairs.map(|pair| DECIMAL[pair as usize]);
    whole[20..26].copy_from_slice(pairs.as_flattened());
    out.extend_from_slice(&whole);
}
