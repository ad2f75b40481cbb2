//! Fields as labels of the Elastic Common Schema.
//!
//! Elasticsearch gives a field the type of its first value and refuses documents with another, and a value under `a` keeps
//! all documents with `a.b` out. So each label has one type, and no dots: `labels` are keywords, as the schema says, and
//! numbers are `numeric_labels`, as Elastic's APM calls them.

use std::ops::Range;

use super::{
    bound::Room,
    fields::Kind,
    json::{escape, write_quoted},
};

/// Before the name of a label, which a program may write itself.
const LABELS: &str = "labels.";

/// Writes a field as a label; where in `out` its name stands, which is the same for two fields that would be one label.
pub(super) fn write(
    out: &mut Vec<u8>,
    name: &str,
    (text, kind): (&str, Kind),
    room: Room,
) -> Range<usize> {
    let is_number = kind == Kind::Bare && fits(text);
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
        write_quoted(out, text, room.value);
    }
    name
}

/// Whether it is a number that fits both types that Elasticsearch may have chosen, `long` and `float`.
fn fits(text: &str) -> bool {
    match text.as_bytes() {
        [b't' | b'f', ..] => false,
        // Up to 18 digits with a sign, and up to 17 with a point, without a look at each.
        short if short.len() <= 18 && !short.contains(&b'e') => true,
        _ => match text.parse::<i64>() {
            Ok(_) => true,
            Err(_) => text.parse::<f64>().is_ok_and(|number| {
                text.contains(['.', 'e']) && number.abs() < super::schema::LARGEST
            }),
        },
    }
}

fn own_name(name: &str) -> &str {
    let own = name.strip_prefix(LABELS).unwrap_or(name);
    // Elasticsearch takes no name without a letter.
    if own.chars().all(char::is_whitespace) {
        "_"
    } else {
        own
    }
}

fn plain(byte: u8) -> u8 {
    if matches!(byte, b'.' | b'*') {
        b'_'
    } else {
        byte
    }
}

fn write_name(out: &mut Vec<u8>, name: &str) -> Range<usize> {
    let start = out.len();
    escape(out, own_name(name));
    for byte in &mut out[start..] {
        *byte = plain(*byte);
    }
    start..out.len()
}
