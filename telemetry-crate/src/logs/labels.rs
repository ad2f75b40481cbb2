//! Fields as labels of the Elastic Common Schema.
//!
//! Elasticsearch gives a field the type of its first value and rejects documents with another type. After a value under
//! `a`, it also rejects all documents with `a.b`. So each label has one type, and its name has no dots. Texts become
//! `labels`, which are keywords in the schema, and numbers become `numeric_labels`, as in Elastic's APM.

use std::ops::Range;

use super::{
    bound::LineLimits,
    json::{escape, write_quoted},
};
use crate::values::Kind;

/// The prefix of a label, which a program's field may already have.
const LABELS: &str = "labels.";

/// Writes a field as a label, and returns the range of its name in `out`.
///
/// Fields with different names may become the same label. The text in the range is then equal.
pub(super) fn write(
    out: &mut Vec<u8>,
    name: &str,
    (text, kind): (&str, Kind),
    limits: LineLimits,
) -> Range<usize> {
    let is_number = kind == Kind::Bare && is_safe_number(text);
    out.extend_from_slice(if is_number {
        b",\"numeric_labels."
    } else {
        b",\"labels."
    });
    let name = write_name(out, name);
    out.extend_from_slice(b"\":");
    if is_number {
        out.extend_from_slice(text.as_bytes());
    } else {
        write_quoted(out, text, limits.value);
    }
    name
}

/// Whether the text is a number that fits both `long` and `float`.
///
/// Elasticsearch may have mapped the label to either type.
fn is_safe_number(text: &str) -> bool {
    match text.as_bytes() {
        // `true` or `false`.
        [b't' | b'f', ..] => false,
        // 18 bytes without an exponent fit both types, so the text need not be parsed.
        short if short.len() <= 18 && !short.contains(&b'e') => true,
        _ => match text.parse::<i64>() {
            Ok(_) => true,
            Err(_) => text.parse::<f64>().is_ok_and(|number| {
                text.contains(['.', 'e']) && number.abs() < super::schema::NUMBER_LIMIT
            }),
        },
    }
}

/// The name of a field without the prefix of labels.
fn without_prefix(name: &str) -> &str {
    let rest = name.strip_prefix(LABELS).unwrap_or(name);
    // Elasticsearch rejects a blank name.
    if rest.chars().all(char::is_whitespace) {
        "_"
    } else {
        rest
    }
}

/// Replaces a character that Elastic's APM also replaces in a label's name.
fn sanitize(byte: u8) -> u8 {
    if matches!(byte, b'.' | b'*') {
        b'_'
    } else {
        byte
    }
}

fn write_name(out: &mut Vec<u8>, name: &str) -> Range<usize> {
    let start = out.len();
    escape(out, without_prefix(name));
    for byte in &mut out[start..] {
        *byte = sanitize(*byte);
    }
    start..out.len()
}
