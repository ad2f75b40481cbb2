//! The text of a report, without control characters of the file.

use std::fmt::Write;

use super::{Ended, LastWords, MAX_TEXT, rfc3339, seconds_between};
use crate::values::truncated;

/// Maximum length of the open roots in the whole text, in bytes.
const MAX_OPEN: usize = 6 * 1024;

/// The whole text.
pub(super) fn text(words: &LastWords, summary: &str) -> String {
    let process = &words.process;
    let mut text = truncated(summary.to_owned(), 4 * 1024);
    if words.ended == Ended::Running {
        text += "\n(It was killed, or exited without a shutdown of telemetry. What follows is as of its last heartbeat, so what happened in the last 250 ms may be missing.)";
    }
    let revision = match &*process.revision {
        "" => String::new(),
        revision => format!(", revision {}", printable(revision)),
    };
    let _ = write!(
        text,
        "\n\nservice {} {}{revision}, instance {}, pid {}\nstarted {}, last heartbeat {}\n",
        printable(&process.service),
        printable(&process.version),
        printable(&process.instance),
        process.pid,
        rfc3339(process.started),
        rfc3339(words.heartbeat),
    );
    let count = words.open_left_out.saturating_add(words.open.len() as u64);
    let _ = write!(text, "\nopen: {count}, the oldest first\n");
    text += &open(words, MAX_OPEN);
    text += "\nlast log lines\n";
    let room = MAX_TEXT.saturating_sub(text.len());
    text += &lines(words, room);
    text
}

/// The open roots that fit into `room` bytes, one per line, the oldest first.
pub(super) fn open(words: &LastWords, room: usize) -> String {
    let mut oldest: Vec<_> = words.open.iter().collect();
    oldest.sort_by_key(|root| root.started);
    let mut text = String::new();
    for root in oldest {
        let mut line = format!(
            "{:032x} {} for {}",
            u128::from_be_bytes(root.trace_id),
            printable(&root.name),
            seconds_between(root.started, words.heartbeat),
        );
        if !root.deepest.is_empty() {
            let deepest = printable(&root.deepest);
            let since = seconds_between(root.since, words.heartbeat);
            line += &format!(", in {deepest} for {since}");
        }
        line.push('\n');
        if text.len() + line.len() > room {
            break;
        }
        text += &line;
    }
    text
}

/// The newest log lines that fit into `room` bytes, the newest last.
pub(super) fn lines(words: &LastWords, room: usize) -> String {
    let mut newest = Vec::new();
    let mut used = 0;
    for line in words.lines.iter().rev() {
        let line = String::from_utf8_lossy(line);
        let mut line = printable(line.trim_end());
        line.push('\n');
        if used + line.len() > room {
            // One line longer than the room is shown in part, because it is the last that the process wrote.
            if newest.is_empty() && room > 0 {
                newest.push(truncated(line, room));
            }
            break;
        }
        used += line.len();
        newest.push(line);
    }
    newest.reverse();
    newest.concat()
}

/// A text without control characters, which would control the terminal.
pub(super) fn printable(text: &str) -> String {
    let is_harmless = |character: char| character == '\t' || !character.is_control();
    text.chars()
        .map(|character| {
            if is_harmless(character) {
                character
            } else {
                '\u{fffd}'
            }
        })
        .collect()
}
