//! The pretty format, for a person at a terminal.
//!
//! A line has the time of day, the level and the message, then the target and the fields, dimmed.
//! Line breaks are indented and other control characters are escaped, so that a value can neither
//! move the cursor nor forge a log line.

use std::io::Write;

use tracing::Level;

use super::{
    LogLine,
    bound::{IsComplete, LineLimits, write_truncated},
    json::write_time,
    schema::{DROPPED, FLAT},
};
use crate::span_ids::SpanIds;

/// Escape sequences of the terminal; empty without colors.
struct Style {
    dim: &'static str,
    bold: &'static str,
    reset: &'static str,
}

const COLORED: Style = Style {
    dim: "\x1b[2m",
    bold: "\x1b[1m",
    reset: "\x1b[0m",
};
const PLAIN: Style = Style {
    dim: "",
    bold: "",
    reset: "",
};

/// Writes the line for a terminal, within `limits`.
pub(super) fn write_pretty<'a>(
    out: &mut Vec<u8>,
    line: &LogLine<'a>,
    colors: bool,
    limits: LineLimits,
) -> IsComplete {
    let Style { dim, bold, reset } = if colors { COLORED } else { PLAIN };
    let mut time = Vec::with_capacity(32);
    write_time(&mut time, line.time);
    // Keeps the time of day with milliseconds from `YYYY-MM-DDTHH:MM:SS.ffffffZ`.
    let time = time.get(11..23).unwrap_or(&time);
    let (color, level) = match line.level {
        Level::ERROR => ("\x1b[31m", "ERROR"),
        Level::WARN => ("\x1b[33m", " WARN"),
        Level::INFO => ("\x1b[32m", " INFO"),
        Level::DEBUG => ("\x1b[34m", "DEBUG"),
        Level::TRACE => ("\x1b[35m", "TRACE"),
    };

    let color = if colors { color } else { "" };

    out.extend_from_slice(dim.as_bytes());
    out.extend_from_slice(time);
    let _ = write!(out, "{reset} {color}{level}{reset} {bold}");
    write_truncated(out, line.event.message(), limits.message, escape);
    let _ = write!(out, "{reset} {dim}");
    write_truncated(out, line.target, limits.target, escape);
    let mut names: Vec<&'a str> = Vec::with_capacity(16);
    let mut dropped = line.event.dropped();
    let mut is_truncated = line.event.is_truncated();
    let mut write_field = |name: &'a str, text: &str| {
        if names.contains(&name) {
            return;
        }
        let start = out.len();
        out.push(b' ');
        // As in JSON, a field with the name of one of firstlight's keys is renamed.
        escape(out, &FLAT.name(name));
        out.push(b'=');
        write_truncated(out, text, limits.value, escape);
        if out.len() > limits.fields {
            out.truncate(start);
            dropped += 1;
        } else {
            names.push(name);
        }
    };
    for (name, text, _) in line.event.iter() {
        write_field(name.as_ref(), text);
    }
    (line.spans)(&mut |span| {
        let span = span.fields();
        is_truncated |= span.is_truncated();
        for (name, text, _) in span.iter() {
            write_field(name, text);
        }
    });
    if dropped > 0 {
        let _ = write!(out, " {DROPPED}={dropped}");
    }
    if let Some(SpanIds { trace_id, .. }) = line.ids {
        let _ = write!(out, " trace_id={trace_id}");
    }
    let _ = writeln!(out, "{reset}");
    IsComplete(dropped == 0 && !is_truncated)
}

fn escape(out: &mut Vec<u8>, text: &str) {
    for character in text.chars() {
        let _ = match character {
            // Line breaks keep a backtrace readable. The indent keeps a value from forging a log line.
            '\n' => write!(out, "\n    "),
            character if character.is_control() => write!(out, "{}", character.escape_default()),
            character => write!(out, "{character}"),
        };
    }
}
