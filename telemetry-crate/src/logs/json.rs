//! One line as one JSON object with unique keys.
//!
//! Order: `timestamp`, `level`, `target`, `message`, `trace_id`, `span_id`, the event's fields, then the fields of its
//! spans from the innermost outwards, each name once. A field that is called like one of our own keys is kept as
//! `field.<name>`, never in its place: nobody can forge a line's severity or trace.

use std::io::Write;

use super::{
    Line,
    fields::{Fields, Kind},
};

pub(super) fn write_json(out: &mut Vec<u8>, line: &Line<'_>) {
    out.extend_from_slice(b"{\"timestamp\":\"");
    write_time(out, line.time);
    out.extend_from_slice(b"\",\"level\":\"");
    out.extend_from_slice(line.level.as_str().as_bytes());
    out.push(b'"');
    write_text(out, "target", line.target);
    write_text(
        out,
        "message",
        line.event.get("message").unwrap_or_default(),
    );
    if let Some((trace_id, span_id)) = line.ids {
        // Writing to a vector cannot fail.
        let _ = write!(
            out,
            ",\"trace_id\":\"{trace_id}\",\"span_id\":\"{span_id}\""
        );
    }

    let mut names = Vec::with_capacity(16);
    write_fields(out, line.event, &mut names);
    for span in line.spans {
        write_fields(out, span, &mut names);
    }
    out.extend_from_slice(b"}\n");
}

fn write_fields(out: &mut Vec<u8>, fields: &Fields, names: &mut Vec<&'static str>) {
    for (name, text, kind) in fields.iter() {
        if name == "message" {
            continue;
        }
        let name = unreserved(name);
        if names.contains(&name) {
            continue;
        }
        names.push(name);
        match kind {
            Kind::Text => write_text(out, name, text),
            Kind::Bare => {
                write_key(out, name);
                out.extend_from_slice(text.as_bytes());
            }
        }
    }
}

/// `message` is not here: the event's own is shown above, any other has been renamed when it was recorded.
fn unreserved(name: &'static str) -> &'static str {
    match name {
        "timestamp" => "field.timestamp",
        "level" => "field.level",
        "target" => "field.target",
        "trace_id" => "field.trace_id",
        "span_id" => "field.span_id",
        name => name,
    }
}

fn write_text(out: &mut Vec<u8>, name: &str, text: &str) {
    write_key(out, name);
    out.push(b'"');
    escape(out, text);
    out.push(b'"');
}

fn write_key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    escape(out, name);
    out.extend_from_slice(b"\":");
}

/// RFC 8259, section 7: quotation mark, backslash and the control characters must be escaped.
fn escape(out: &mut Vec<u8>, text: &str) {
    let mut plain = 0;
    for (index, byte) in text.bytes().enumerate() {
        let short = match byte {
            b'"' => b'"',
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            // U+007F is allowed by the RFC, and still moves the cursor of whoever reads the raw line.
            0x00..=0x1f | 0x7f => 0,
            _ => continue,
        };
        out.extend_from_slice(&text.as_bytes()[plain..index]);
        plain = index + 1;
        if short == 0 {
            let _ = write!(out, "\\u{byte:04x}");
        } else {
            out.extend_from_slice(&[b'\\', short]);
        }
    }
    out.extend_from_slice(&text.as_bytes()[plain..]);
}

/// RFC 3339, UTC, microseconds.
pub(super) fn write_time(out: &mut Vec<u8>, time: std::time::SystemTime) {
    match jiff::Timestamp::try_from(time) {
        Ok(time) => {
            let _ = write!(out, "{time:.6}");
        }
        // A clock outside of the years -9999 to 9999 is broken; the line still goes out.
        Err(_) => out.extend_from_slice(b"0000-01-01T00:00:00.000000Z"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn whatever_the_text_it_is_one_line_of_json_and_comes_back() {
        let hostile: String = (0u8..=0x7f)
            .map(char::from)
            .chain("ü\u{2028}🔭\u{0085}".chars())
            .collect();
        let mut out = Vec::new();
        write_text(&mut out, &hostile, &hostile);
        let line = format!(
            "{{{}}}",
            String::from_utf8(out).unwrap().trim_start_matches(',')
        );
        assert_eq!(line.lines().count(), 1);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value[&hostile], hostile);
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
