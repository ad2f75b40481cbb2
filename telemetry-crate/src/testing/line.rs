//! A log line that a test captured, read back from what would have been written.
//!
//! Left out: lines of other schemas than our own; a capture writes that one, whatever the service's log store wants.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

use serde_json::{Map, Value};

/// One log line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CapturedLine {
    /// RFC 3339, in UTC, with microseconds.
    pub timestamp: String,
    /// `ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`.
    pub level: String,
    /// Where it comes from: a module, unless the event says otherwise.
    pub target: String,
    /// The message.
    pub message: String,
    /// 32 lowercase hexadecimal digits; empty outside any span.
    pub trace_id: String,
    /// 16 lowercase hexadecimal digits; empty outside any span.
    pub span_id: String,
    /// The fields of the event and those that it has from its spans, as text, whatever their type was.
    pub fields: BTreeMap<String, String>,
    /// The line itself, as it would have been written.
    pub json: String,
}

impl CapturedLine {
    pub(super) fn parse(json: &str) -> Self {
        // Whatever else a line is, it is an object; that is tested where lines are made.
        let mut object: Map<String, Value> = serde_json::from_str(json).unwrap_or_default();
        let mut take = |key: &str| object.remove(key).map(text_of).unwrap_or_default();
        Self {
            timestamp: take("timestamp"),
            level: take("level"),
            target: take("target"),
            message: take("message"),
            trace_id: take("trace_id"),
            span_id: take("span_id"),
            fields: object
                .into_iter()
                .map(|(name, value)| (name, text_of(value)))
                .collect(),
            json: json.to_owned(),
        }
    }
}

fn text_of(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Characters of a value as a person is shown it; the whole of it is in [`CapturedLine::json`].
const SHOWN: usize = 80;

/// Level, message and fields, on one line and shortened: what a person looks for in a failing test.
impl fmt::Display for CapturedLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.level)?;
        shorten(f, &self.message)?;
        for (name, value) in &self.fields {
            write!(f, " {name}=")?;
            shorten(f, value)?;
        }
        Ok(())
    }
}

fn shorten(f: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    for character in value.chars().take(SHOWN) {
        match character {
            control if control.is_control() => write!(f, "{}", control.escape_debug())?,
            character => f.write_char(character)?,
        }
    }
    match value.chars().nth(SHOWN) {
        Some(_) => f.write_char('…'),
        None => Ok(()),
    }
}
