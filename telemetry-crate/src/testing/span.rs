//! A received span, as plain types without protobuf.
//!
//! The span has no trace state and no counts of dropped items.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    trace::v1::{
        Span,
        span::{Event, Link, SpanKind},
        status::StatusCode,
    },
};

use super::value::{Attributes, attributes_of, hex, resource_of, time_of};

/// A span as the collector would have received it.
///
/// Attribute values are text, whatever their type is: `200`, `true`, `0.25`, `[a, b]`, `{k: v}`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceivedSpan {
    /// The trace id: 32 lowercase hexadecimal digits, as in log lines.
    pub trace_id: String,
    /// The span id: 16 lowercase hexadecimal digits.
    pub span_id: String,
    /// The parent's span id; empty for the root of a trace.
    pub parent_span_id: String,
    /// The span's name, such as `GET /orders/{id}`.
    pub name: String,
    /// The kind of the span.
    ///
    /// It is `unspecified`, `internal`, `server`, `client`, `producer` or `consumer`.
    pub kind: &'static str,
    /// The time at which the span started, by the sender's clock.
    pub start: SystemTime,
    /// The time at which the span ended, by the sender's clock.
    pub end: SystemTime,
    /// The span's own attributes.
    pub attributes: BTreeMap<String, String>,
    /// The resource of the sender: `service.name` and further attributes.
    pub resource: BTreeMap<String, String>,
    /// The status: `unset`, `ok` or `error`.
    pub status: &'static str,
    /// The description of the status `error`; empty if there is none.
    pub status_message: String,
    /// The events of the span, in order.
    pub events: Vec<ReceivedEvent>,
    /// Links to related spans of other traces.
    pub links: Vec<ReceivedLink>,
    /// The instrumentation scope's name.
    pub scope: String,
}

/// A link of a [`ReceivedSpan`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceivedLink {
    /// The trace id: 32 lowercase hexadecimal digits.
    pub trace_id: String,
    /// The span id: 16 lowercase hexadecimal digits.
    pub span_id: String,
}

impl ReceivedSpan {
    /// Returns the time from start to end; zero if the sender's clock was set back.
    pub fn duration(&self) -> Duration {
        self.end.duration_since(self.start).unwrap_or_default()
    }
}

/// An event inside a [`ReceivedSpan`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceivedEvent {
    /// The event's name; for `tracing` events, their message.
    pub name: String,
    /// The time of the event, by the sender's clock.
    pub time: SystemTime,
    /// The event's attributes, as text.
    pub attributes: BTreeMap<String, String>,
}

/// Returns all spans of one export, in the order in which they were sent.
pub(super) fn spans_of(request: ExportTraceServiceRequest) -> Vec<ReceivedSpan> {
    let mut received = Vec::new();
    for group in request.resource_spans {
        let resource = resource_of(group.resource);
        for scope_spans in group.scope_spans {
            let scope = scope_spans
                .scope
                .map(|scope| scope.name)
                .unwrap_or_default();
            received.extend(
                scope_spans
                    .spans
                    .into_iter()
                    .map(|span| span_of(span, &resource, &scope)),
            );
        }
    }
    received
}

fn span_of(span: Span, resource: &Attributes, scope: &str) -> ReceivedSpan {
    let status = span.status.as_ref().map(|status| status.code());
    ReceivedSpan {
        kind: kind_of(span.kind()),
        trace_id: hex(&span.trace_id),
        span_id: hex(&span.span_id),
        parent_span_id: hex(&span.parent_span_id),
        name: span.name,
        start: time_of(span.start_time_unix_nano),
        end: time_of(span.end_time_unix_nano),
        attributes: attributes_of(span.attributes),
        resource: resource.clone(),
        status: match status {
            None | Some(StatusCode::Unset) => "unset",
            Some(StatusCode::Ok) => "ok",
            Some(StatusCode::Error) => "error",
        },
        status_message: span.status.map(|status| status.message).unwrap_or_default(),
        events: span.events.into_iter().map(event_of).collect(),
        links: span.links.into_iter().map(link_of).collect(),
        scope: scope.to_owned(),
    }
}

fn event_of(event: Event) -> ReceivedEvent {
    ReceivedEvent {
        name: event.name,
        time: time_of(event.time_unix_nano),
        attributes: attributes_of(event.attributes),
    }
}

fn link_of(link: Link) -> ReceivedLink {
    ReceivedLink {
        trace_id: hex(&link.trace_id),
        span_id: hex(&link.span_id),
    }
}

fn kind_of(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Unspecified => "unspecified",
        SpanKind::Internal => "internal",
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
    }
}
