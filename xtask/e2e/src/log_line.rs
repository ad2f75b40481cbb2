//! A line of a service's JSON log.

use serde_json::{Map, Value};

/// A parsed log line.
#[derive(Debug, Clone)]
pub struct LogLine {
    fields: Map<String, Value>,
    /// The line as written by the service.
    pub raw: String,
}

impl LogLine {
    /// Parses a line; `None` if it is not a JSON object.
    ///
    /// Libraries may print other lines directly to standard output or standard error.
    pub fn parse(line: &str) -> Option<Self> {
        match serde_json::from_str(line) {
            Ok(Value::Object(fields)) => Some(Self {
                fields,
                raw: line.to_owned(),
            }),
            _ => None,
        }
    }

    /// A field as text; empty if it is missing.
    pub fn text(&self, name: &str) -> String {
        match self.fields.get(name) {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    /// A field as a number; `None` if it is missing or not a number.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.fields.get(name).and_then(Value::as_f64)
    }

    /// The trace id; empty outside any span.
    pub fn trace_id(&self) -> String {
        self.text("trace_id")
    }

    /// The names of the fields, in the order of the line.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// Whether the HTTP layer wrote the line about a request.
    pub fn is_access_log(&self) -> bool {
        self.text("target") == "firstlight::http"
    }
}
