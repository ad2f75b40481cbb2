//! The constant part of a message.
//!
//! `tracing` formats a message before anything sees it, so its template is not known. What looks like a value is replaced:
//! words with a digit, such as numbers, ids, dates and addresses, and quoted texts. Other words stay, even if they are
//! values. Their number is limited by the number of groups of a place.

use crate::values::prefix;

/// The longest part of a message that is examined, in bytes.
const MAX_MESSAGE: usize = 1024;

/// The longest template in bytes.
const MAX_TEMPLATE: usize = 120;

/// What stands for a value.
const VALUE: char = '#';

/// Returns at most 120 bytes of the message, with `#` in place of values.
pub(super) fn template(message: &str) -> String {
    let mut rest = prefix(message.trim(), MAX_MESSAGE);
    let mut template = String::with_capacity(rest.len().min(MAX_TEMPLATE));
    let mut after_word = false;
    while let Some(first) = rest.chars().next() {
        if template.len() >= MAX_TEMPLATE {
            break;
        }
        let (length, part) = next_part(rest, first, after_word);
        after_word = first.is_alphanumeric();
        match part {
            Part::Value => template.push(VALUE),
            Part::Text => template.extend(rest[..length].chars().map(printable)),
        }
        rest = &rest[length..];
    }
    let kept = prefix(&template, MAX_TEMPLATE).len();
    template.truncate(kept);
    template
}

/// A part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Value,
    Text,
}

fn printable(char: char) -> char {
    if char.is_control() { ' ' } else { char }
}

/// The length and the kind of the part at the start of `rest`.
fn next_part(rest: &str, first: char, after_word: bool) -> (usize, Part) {
    if first.is_alphanumeric() {
        let word = word(rest);
        let has_digit = word.chars().any(char::is_numeric);
        let part = if has_digit { Part::Value } else { Part::Text };
        return (word.len(), part);
    }
    match first {
        // The end of a long quotation may be missing.
        '"' | '`' => (quoted(rest, first).unwrap_or(rest.len()), Part::Value),
        // After a letter it is an apostrophe.
        '\'' if !after_word => match quoted(rest, '\'') {
            Some(length) => (length, Part::Value),
            None => (1, Part::Text),
        },
        _ => (first.len_utf8(), Part::Text),
    }
}

/// The word at the start of `text`.
///
/// Dots, colons and the like belong to it if they are between letters or digits: `127.0.0.1:5432` is one word.
fn word(text: &str) -> &str {
    let mut end = 0;
    for (start, char) in text.char_indices() {
        if char.is_alphanumeric() {
            end = start + char.len_utf8();
        } else if !matches!(char, '-' | '_' | '.' | ':' | '+' | '/') || end < start {
            break;
        }
    }
    &text[..end]
}

/// The length of a quoted text with both quotation marks.
fn quoted(text: &str, mark: char) -> Option<usize> {
    let mut is_escaped = false;
    for (start, char) in text.char_indices().skip(1) {
        match char {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            char if char == mark => return Some(start + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_replaced() {
        for (message, expected) in [
            ("cannot save order 4711", "cannot save order #"),
            (
                "no order 550e8400-e29b-41d4-a716-446655440000 here",
                "no order # here",
            ),
            ("127.0.0.1:5432 refused", "# refused"),
            ("took 3.5s, of 2s", "took #, of #"),
            ("bad name \"a \\\" b\": empty", "bad name #: empty"),
            ("bad name 'x'", "bad name #"),
            (
                "unknown field `price`, expected `item`",
                "unknown field #, expected #",
            ),
            (
                "the order's item isn't there",
                "the order's item isn't there",
            ),
            ("no end: \"abc", "no end: #"),
            ("read-only file, in a/b.rs", "read-only file, in a/b.rs"),
            ("ends with a dot.", "ends with a dot."),
            ("at 2026-11-29T10:00:00.123Z", "at #"),
            ("größe 7 überschritten", "größe # überschritten"),
            ("", ""),
        ] {
            assert_eq!(template(message), expected);
        }
    }

    #[test]
    fn hostile_messages_are_bounded() {
        for message in [
            "x".repeat(2_000_000),
            "ü".repeat(2_000_000),
            "'".repeat(2_000_000),
            "\"".repeat(2_000_000),
            "\u{1b}[31m\r\n\0".repeat(100_000),
            "-.:".repeat(100_000),
            "\\".repeat(100_000),
        ] {
            let template = template(&message);
            assert!(template.len() <= MAX_TEMPLATE);
            assert!(!template.chars().any(char::is_control), "{template:?}");
        }
    }
}
