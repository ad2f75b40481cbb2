//! The encoding of spans of the common shape as OTLP.
//!
//! For each span, `opentelemetry-otlp` clones its data, converts the copy into messages with an allocation per text, writes
//! them, and frees both. This module writes the fields of the data as they are, which costs an eighth, see the book's
//! decision 33. Spans with events, links or lists are left to `opentelemetry-otlp`, whose encoding is also what the tests
//! compare this one with.

#[cfg(test)]
mod tests;

use opentelemetry::{
    InstrumentationScope, KeyValue, SpanId, Value,
    trace::{SpanKind, Status},
};
use opentelemetry_proto::tonic::{
    common::v1::InstrumentationScope as ScopeMessage,
    trace::v1::{SpanFlags, span, status::StatusCode},
};
use opentelemetry_sdk::trace::SpanData;
use prost::Message;

use crate::{proto::nanos, resource::Resource};

/// The size in bytes for which a request reserves memory, per span.
///
/// A span of a request has some 300 bytes.
const USUAL_SPAN: usize = 384;

/// Encodes export requests.
pub(super) struct SpanEncoder {
    /// The encoded resource.
    resource: Vec<u8>,
}

impl SpanEncoder {
    pub(super) fn new(resource: &Resource) -> Self {
        Self {
            resource: resource.to_proto().encode_to_vec(),
        }
    }

    /// Whether spans of this shape can be encoded.
    pub(super) fn can_encode(span: &SpanData) -> bool {
        span.events.events.is_empty()
            && span.links.links.is_empty()
            && span.attributes.iter().all(|attribute| {
                matches!(
                    attribute.value,
                    Value::Bool(_) | Value::I64(_) | Value::F64(_) | Value::String(_)
                )
            })
    }

    /// Appends an `ExportTraceServiceRequest` with these spans.
    ///
    /// Two requests in a row are one, because Protocol Buffers append the elements of repeated fields.
    pub(super) fn write(&self, out: &mut Vec<u8>, spans: &[SpanData]) {
        out.reserve(self.resource.len() + USUAL_SPAN * spans.len());
        write_message(out, 1, |out| {
            write_bytes(out, 1, &self.resource);
            let is_same =
                |a: &SpanData, b: &SpanData| a.instrumentation_scope == b.instrumentation_scope;
            for spans in spans.chunk_by(is_same) {
                write_message(out, 2, |out| write_scope_spans(out, spans));
            }
        });
    }
}

/// Writes the fields of `ScopeSpans`, for spans of one scope.
fn write_scope_spans(out: &mut Vec<u8>, spans: &[SpanData]) {
    let Some(first) = spans.first() else { return };
    let scope: &InstrumentationScope = &first.instrumentation_scope;
    write_bytes(out, 1, &ScopeMessage::from((scope, None)).encode_to_vec());
    for span in spans {
        write_message(out, 2, |out| write_span(out, span));
    }
    write_text(out, 3, scope.schema_url().unwrap_or_default());
}

/// Writes the fields of `Span` in the order of their numbers, as all encoders do.
fn write_span(out: &mut Vec<u8>, data: &SpanData) {
    let context = &data.span_context;
    write_bytes(out, 1, &context.trace_id().to_bytes());
    write_bytes(out, 2, &context.span_id().to_bytes());
    write_text(out, 3, &context.trace_state().header());
    if data.parent_span_id != SpanId::INVALID {
        write_bytes(out, 4, &data.parent_span_id.to_bytes());
    }
    write_text(out, 5, &data.name);
    write_number(out, 6, kind(&data.span_kind) as u64);
    write_fixed64(out, 7, nanos(data.start_time));
    write_fixed64(out, 8, nanos(data.end_time));
    for attribute in &data.attributes {
        write_message(out, 9, |out| write_attribute(out, attribute));
    }
    write_number(out, 10, data.dropped_attributes_count.into());
    write_number(out, 12, data.events.dropped_count.into());
    write_number(out, 14, data.links.dropped_count.into());
    write_message(out, 15, |out| write_status(out, &data.status));
    let mut flags = SpanFlags::ContextHasIsRemoteMask as u32;
    if data.parent_span_is_remote {
        flags |= SpanFlags::ContextIsRemoteMask as u32;
    }
    flags |= u32::from(context.trace_flags().to_u8());
    write_key(out, 16, WireType::Fixed32);
    out.extend_from_slice(&flags.to_le_bytes());
}

fn kind(kind: &SpanKind) -> span::SpanKind {
    match kind {
        SpanKind::Internal => span::SpanKind::Internal,
        SpanKind::Server => span::SpanKind::Server,
        SpanKind::Client => span::SpanKind::Client,
        SpanKind::Producer => span::SpanKind::Producer,
        SpanKind::Consumer => span::SpanKind::Consumer,
    }
}

/// Writes the fields of `KeyValue`.
fn write_attribute(out: &mut Vec<u8>, attribute: &KeyValue) {
    write_text(out, 1, attribute.key.as_str());
    // The fields of `AnyValue` are in a `oneof`, so a default value is written, too.
    write_message(out, 2, |out| match &attribute.value {
        Value::String(text) => write_bytes(out, 1, text.as_str().as_bytes()),
        Value::Bool(value) => {
            write_key(out, 2, WireType::Varint);
            out.push(u8::from(*value));
        }
        Value::I64(value) => {
            write_key(out, 3, WireType::Varint);
            // A negative number has ten bytes, as Protocol Buffers define for `int64`.
            write_varint(out, value.cast_unsigned());
        }
        Value::F64(value) => {
            write_key(out, 4, WireType::Fixed64);
            out.extend_from_slice(&value.to_le_bytes());
        }
        // Excluded by `can_encode`.
        _ => {}
    });
}

/// Writes the fields of `Status`.
fn write_status(out: &mut Vec<u8>, status: &Status) {
    let code = match status {
        Status::Unset => StatusCode::Unset,
        Status::Ok => StatusCode::Ok,
        Status::Error { description } => {
            write_text(out, 2, description);
            StatusCode::Error
        }
    };
    write_number(out, 3, code as u64);
}

/// The encodings of a field's value.
///
/// Protocol Buffers define them in "Encoding", section "Message Structure".
#[derive(Debug, Clone, Copy)]
enum WireType {
    Varint = 0,
    Fixed64 = 1,
    Length = 2,
    Fixed32 = 5,
}

fn write_key(out: &mut Vec<u8>, field: u8, wire_type: WireType) {
    write_varint(out, u64::from(field) << 3 | wire_type as u64);
}

/// The bytes of a number, seven bits each, and how many there are.
fn varint(mut value: u64) -> ([u8; 10], usize) {
    let (mut bytes, mut length) = ([0; 10], 1);
    while value >= 0x80 {
        bytes[length - 1] = value as u8 | 0x80;
        value >>= 7;
        length += 1;
    }
    bytes[length - 1] = value as u8;
    (bytes, length)
}

fn write_varint(out: &mut Vec<u8>, value: u64) {
    if let Ok(byte @ 0..0x80) = u8::try_from(value) {
        return out.push(byte);
    }
    let (bytes, length) = varint(value);
    out.extend_from_slice(&bytes[..length]);
}

/// Writes a text, unless it is empty, which is the default.
fn write_text(out: &mut Vec<u8>, field: u8, text: &str) {
    if !text.is_empty() {
        write_bytes(out, field, text.as_bytes());
    }
}

fn write_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    write_key(out, field, WireType::Length);
    write_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Writes a number, unless it is 0, which is the default.
fn write_number(out: &mut Vec<u8>, field: u8, number: u64) {
    if number != 0 {
        write_key(out, field, WireType::Varint);
        write_varint(out, number);
    }
}

/// Writes a number of eight bytes, unless it is 0, which is the default.
fn write_fixed64(out: &mut Vec<u8>, field: u8, number: u64) {
    if number != 0 {
        write_key(out, field, WireType::Fixed64);
        out.extend_from_slice(&number.to_le_bytes());
    }
}

/// Writes a message, whose fields `write` writes, after its length.
fn write_message(out: &mut Vec<u8>, field: u8, write: impl FnOnce(&mut Vec<u8>)) {
    write_key(out, field, WireType::Length);
    let start = out.len();
    // Most lengths have one byte. A message that has a longer one is moved.
    out.push(0);
    write(out);
    let content = start + 1..out.len();
    if let Ok(length @ 0..0x80) = u8::try_from(content.len()) {
        out[start] = length;
        return;
    }
    let (bytes, length) = varint(content.len() as u64);
    out.resize(content.end + length - 1, 0);
    out.copy_within(content, start + length);
    out[start..start + length].copy_from_slice(&bytes[..length]);
}
