//! One line of the service's JSON log.

use serde_json::{Map, Value};

/// A parsed line, and the bytes that it was made from.
#[derive(Debug, Clone)]
pub struct LogLine {
    fields: Map<String, Value>,
    /// The line as the service wrote it.
    pub raw: String,
}

impl LogLine {
    /// `None` where the line is no JSON object: what a library prints past every logger.
    pub fn parse(line: &str) -> Option<Self> {
        match serde_json::from_str(line) {
            Ok(Value::Object(fields)) => Some(Self {
                fields,
                raw: line.to_owned(),
            }),
            _ => None,
        }
    }

    /// A field as text; empty where there is none.
    pub fn text(&self, name: &str) -> String {
        match self.fields.get(name) {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    /// A field that is a number.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.fields.get(name).and_then(Value::as_f64)
    }

    /// The trace id; empty outside of a span.
    pub fn trace_id(&self) -> String {
        self.text("trace_id")
    }

    /// The names of its fields, in the order in which the service wrote them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// The access-log line of a request, as the HTTP layer writes it.
    pub fn is_access_log(&self) -> bool {
        self.text("target") == "firstlight::http"
    }
}
