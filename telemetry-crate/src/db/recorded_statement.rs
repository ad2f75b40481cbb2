//! The span of a statement that only the flight recorder keeps.
//!
//! Most requests are not sampled, so the recorder is the only one who gets most spans of statements. Such a span has ended
//! when sqlx tells of it. So it is written into the record of its request at once, without a span of OpenTelemetry and
//! without owned values.

use std::time::SystemTime;

use opentelemetry::trace::{SpanKind, TraceContextExt};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

use super::{
    attributes::{self, AttributeValue},
    event::Query,
    server::{Server, common_attributes},
    statement::is_plain,
};
use crate::{
    evidence::{SpanSink, SpanStart, VisitText},
    secret::{REDACTED, is_secret},
    thread::current_context,
};

/// Adds a statement below the current span, if only the recorder keeps that.
///
/// Returns whether it was added. If it was not, the span is an ordinary one.
pub(super) fn add(recorder: &dyn SpanSink, query: &Query) -> bool {
    let current = current_context();
    let span = current.span();
    let parent = span.span_context();
    // The child of a span of this process that is not sampled is not sampled either. A caller's span has no such child:
    // the sampler decides.
    let is_recorded_only = parent.is_valid()
        && !parent.is_remote()
        && !parent.is_sampled()
        && !span.is_recording()
        && !current.is_telemetry_suppressed();
    let statement = &query.statement;
    let server = &common_attributes().server;
    if !is_recorded_only || !statement.is_plain || !is_plain_server(server) {
        return false;
    }
    let end = SystemTime::now();
    let name = match &*statement.summary {
        "" => server.system,
        summary => summary,
    };
    let start = SpanStart {
        trace_id: parent.trace_id(),
        span_id: RandomIdGenerator::default().new_span_id(),
        parent: Some(parent.span_id()),
        kind: SpanKind::Client,
        name,
        attributes: &|visit| visit_all(query, server, visit),
        time: end.checked_sub(query.elapsed).unwrap_or(end),
    };
    recorder.add_ended(&start, end)
}

fn is_plain_server(server: &Server) -> bool {
    let mut texts = server.namespace.iter().chain(&server.address);
    texts.all(|text| is_plain(text))
}

/// Visits the attributes as text.
fn visit_all(query: &Query, server: &Server, visit: VisitText<'_>) {
    let mut add = |key: &'static str, value: AttributeValue<'_>| match value {
        // The program may add names of its own to those of secrets.
        _ if is_secret(key) => visit(key, REDACTED, 0),
        AttributeValue::Word(text) => visit(key, text, 0),
        AttributeValue::Text(text) => visit(key, text, 0),
        AttributeValue::Number(number) => visit(key, itoa::Buffer::new().format(number), 0),
    };
    let statement = &query.statement;
    server.visit(statement.system(server.system), &mut add);
    attributes::visit_statement(statement, Some(query), &mut add);
}

#[cfg(test)]
mod tests;
