//! One line for a person: time of day, level, message, then the fields, dimmed on a terminal.
//!
//! Control characters are escaped here as well: a value must not move the cursor, nor forge a line.

use std::io::Write;

use tracing::Level;

use super::{
    Line,
    bound::{IsWhole, Room, write_within},
    json::write_time,
    schema::{DROPPED, FLAT},
};
use crate::span_ids::SpanIds;

/// The escape sequences, or nothing where they would not be colours but characters.
struct Style {
    dim: &'static str,
    bold: &'static str,
    reset: &'static str,
}

const COLOURS: Style = Style {
    dim: "\x1b[2m",
    bold: "\x1b[1m",
    reset: "\x1b[0m",
};
const PLAIN: Style = Style {
    dim: "",
    bold: "",
    reset: "",
};

pub(super) fn write_pretty<'a>(
    out: &mut Vec<u8>,
    line: &Line<'a>,
    colours: bool,
    room: Room,
) -> IsWhole {
    let Style { dim, bold, reset } = if colours { COLOURS } else { PLAIN };
    let mut time = Vec::with_capacity(32);
    write_time(&mut time, line.time);
    // The time of day to the millisecond, of `YYYY-MM-DDTHH:MM:SS.ffffffZ`.
    let time = time.get(11..23).unwrap_or(&time);
    let (colour, level) = match line.level {
        Level::ERROR => ("\x1b[31m", "ERROR"),
        Level::WARN => ("\x1b[33m", " WARN"),
        Level::INFO => ("\x1b[32m", " INFO"),
        Level::DEBUG => ("\x1b[34m", "DEBUG"),
        Level::TRACE => ("\x1b[35m", "TRACE"),
    };

    let colour = if colours { colour } else { "" };

    out.extend_from_slice(dim.as_bytes());
    out.extend_from_slice(time);
    let _ = write!(out, "{reset} {colour}{level}{reset} {bold}");
    write_within(out, line.event.message(), room.message, escape);
    let _ = write!(out, "{reset} {dim}");
    write_within(out, line.target, room.target, escape);
    let mut names: Vec<&'a str> = Vec::with_capacity(16);
    let mut dropped = line.event.dropped();
    let mut is_cut = line.event.is_cut();
    let mut show = |name: &'a str, text: &str| {
        if names.contains(&name) {
            return;
        }
        let start = out.len();
        out.push(b' ');
        // As in JSON: a field that has the name of a key of firstlight's is put aside.
        escape(out, &FLAT.name(name));
        out.push(b'=');
        write_within(out, text, room.value, escape);
        if out.len() > room.fields {
            out.truncate(start);
            dropped += 1;
        } else {
            names.push(name);
        }
    };
    for (name, text, _) in line.event.iter() {
        show(name.as_ref(), text);
    }
    (line.spans)(&mut |span| {
        is_cut |= span.is_cut();
        for (name, text, _) in span.iter() {
            show(name, text);
        }
    });
    if dropped > 0 {
        let _ = write!(out, " {DROPPED}={dropped}");
    }
    if let Some(SpanIds { trace_id, .. }) = line.ids {
        let _ = write!(out, " trace_id={trace_id}");
    }
    let _ = writeln!(out, "{reset}");
    IsWhole(dropped == 0 && !is_cut)
}

fn escape(out: &mut Vec<u8>, text: &str) {
    for character in text.chars() {
        let _ = match character {
            // A backtrace is worth its lines; they are indented, so that none can pass for a line of its own.
            '\n' => write!(out, "\n    "),
            character if character.is_control() => write!(out, "{}", character.escape_default()),
            character => write!(out, "{character}"),
        };
    }
}
