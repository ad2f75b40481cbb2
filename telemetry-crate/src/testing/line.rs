//! A captured log line, parsed from its JSON.
//!
//! A capture always writes firstlight's own schema, whatever log format the service is configured with.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

use serde_json::{Map, Value};

/// One log line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CapturedLine {
    /// The time in UTC, in the format of RFC 3339 with microseconds.
    pub timestamp: String,
    /// The level: `ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`.
    pub level: String,
    /// The module that logs, unless the event has another target.
    pub target: String,
    /// The message of the event.
    pub message: String,
    /// The trace id: 32 lowercase hexadecimal digits; empty outside a span.
    pub trace_id: String,
    /// The span id: 16 lowercase hexadecimal digits; empty outside a span.
    pub span_id: String,
    /// The fields of the event and its spans, as text.
    pub fields: BTreeMap<String, String>,
    /// The line as it would be written.
    pub json: String,
}

impl CapturedLine {
    pub(super) fn parse(json: &str) -> Self {
        // Log lines are JSON objects, which other tests check.
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

/// The number of characters of a value that `Display` shows.
///
/// [`CapturedLine::json`] has all characters.
const MAX_SHOWN: usize = 80;

/// Shows level, message and shortened fields on one line.
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
    for character in value.chars().take(MAX_SHOWN) {
        match character {
            control if control.is_control() => write!(f, "{}", control.escape_debug())?,
            character => f.write_char(character)?,
        }
    }
    match value.chars().nth(MAX_SHOWN) {
        Some(_) => f.write_char('…'),
        None => Ok(()),
    }
}
