//! The fields of a span, which each line inside the span inherits.

use std::{error::Error, fmt, sync::OnceLock};

use tracing::field::{Field, Visit};

use super::{
    fields::{Fields, Value, record_values, with_float},
    schema::Schema,
};
use crate::values::{Kind, with_causes};

/// Fields as JSON: `,"name":value` for each.
#[derive(Debug)]
struct FieldsJson {
    schema: &'static Schema,
    text: Box<[u8]>,
}

/// The fields of a span, stored in its extensions for the events inside it.
#[derive(Debug, Default)]
pub(super) struct SpanFields {
    fields: Fields,
    /// The fields as JSON, as they were in an earlier line.
    json: OnceLock<FieldsJson>,
}

impl SpanFields {
    /// Allocates memory for a number of fields.
    pub(super) fn with_capacity(fields: usize) -> Self {
        Self {
            fields: Fields::with_capacity(fields),
            json: OnceLock::new(),
        }
    }

    pub(super) fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The fields as JSON, if a line of this schema has had them.
    pub(super) fn json(&self, schema: &'static Schema) -> Option<&[u8]> {
        let json = self.json.get()?;
        std::ptr::eq(json.schema, schema).then_some(&*json.text)
    }

    /// Keeps the fields as JSON for further lines.
    pub(super) fn keep_json(&self, schema: &'static Schema, text: &[u8]) {
        // An error means that another thread was faster.
        let text = text.into();
        let _ = self.json.set(FieldsJson { schema, text });
    }

    fn set(&mut self, field: &Field, kind: Kind, value: Value<'_>) {
        let name = match field.name() {
            // `otel.` fields configure the exported span. They are not data of the program.
            name if name.starts_with("otel.") => return,
            name => name,
        };
        self.json.take();
        self.fields.set(name, kind, value);
    }

    #[cfg(test)]
    pub(super) fn put(&mut self, name: &'static str, value: (&str, Kind)) {
        self.json.take();
        self.fields.put(name, value);
    }
}

impl Visit for SpanFields {
    record_values!();
}
