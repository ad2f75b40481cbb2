//! The span of a statement in the flight recorder.
//!
//! It has ended when sqlx tells of it. So it is written into the record of its request at once, without owned values. Most
//! requests are not sampled, and for them this is all. Of a sampled one, OpenTelemetry gets a span that only exports.

use std::{sync::OnceLock, time::SystemTime};

use opentelemetry::trace::{SpanKind, TraceContextExt};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

use super::{
    attributes::{self, AttributeValue},
    event::Query,
    layer::exported_statement,
    server::{Server, common_attributes},
    statement::{Statement, is_plain},
};
use crate::{
    evidence::{SharedAttributes, SpanSink, SpanStart, VisitText},
    secret::{REDACTED, is_secret},
    thread::current_context,
    traces::RetroactiveSpans,
};

/// Maximum length of the text of a statement whose attributes are kept, in bytes.
///
/// Kept attributes are a part of the cache of statements, which is bounded by their number.
const MAX_KEPT_TEXT: usize = 1024;

/// Adds a statement below the current span, and exports it if that is exported.
///
/// Returns whether it was added. If it was not, the span is an ordinary one.
pub(super) fn add(
    recorder: &dyn SpanSink,
    spans: &RetroactiveSpans,
    query: &Query,
    end: SystemTime,
) -> bool {
    let current = current_context();
    let span = current.span();
    let parent = span.span_context();
    // Of the child of a caller's span, the sampler decides.
    let is_below_own = parent.is_valid() && !parent.is_remote();
    let statement = &query.statement;
    let common = common_attributes();
    let server = &common.server;
    if !is_below_own
        || current.is_telemetry_suppressed()
        || !statement.is_plain
        || !is_plain_server(server)
    {
        return false;
    }
    let span_id = match (span.is_recording(), parent.is_sampled()) {
        (true, _) => spans.export(&current, exported_statement(query, end)),
        // The child of a span of this process that is not sampled is not sampled either.
        (false, false) => RandomIdGenerator::default().new_span_id(),
        (false, true) => return false,
    };
    let start = SpanStart {
        trace_id: parent.trace_id(),
        span_id,
        parent: Some(parent.span_id()),
        kind: SpanKind::Client,
        name: match &*statement.summary {
            "" => server.system,
            summary => summary,
        },
        attributes: &|visit| attributes::visit_rows(statement, query, &mut as_text(visit)),
        time: end.checked_sub(query.elapsed).unwrap_or(end),
    };
    let unkept = OnceLock::new();
    let shared = SharedAttributes {
        visit: &|visit| visit_shared(statement, server, visit),
        kept: statement
            .cache
            .attributes(server)
            .filter(|_| statement.text.len() <= MAX_KEPT_TEXT)
            .unwrap_or(&unkept),
    };
    if recorder.add_ended(&start, shared, end) {
        return true;
    }
    if span.is_recording() {
        // It is exported already.
        let attributes: &dyn Fn(VisitText<'_>) = &|visit| {
            (shared.visit)(visit);
            (start.attributes)(visit);
        };
        let whole = SpanStart {
            attributes,
            ..start
        };
        if let Some(note) = recorder.start(&whole) {
            note.end(end);
        }
        return true;
    }
    false
}

fn is_plain_server(server: &Server) -> bool {
    let mut texts = server.namespace.iter().chain(&server.address);
    texts.all(|text| is_plain(text))
}

/// Visits the attributes that all runs of the statement have.
fn visit_shared(statement: &Statement, server: &Server, visit: VisitText<'_>) {
    let mut add = as_text(visit);
    server.visit(statement.system(server.system), &mut add);
    attributes::visit_statement(statement, &mut add);
}

/// A callback that passes attributes on as text.
fn as_text(visit: VisitText<'_>) -> impl FnMut(&'static str, AttributeValue<'_>) {
    |key, value| match value {
        // The program may add names of its own to those of secrets.
        _ if is_secret(key) => visit(key, REDACTED, 0),
        AttributeValue::Word(text) => visit(key, text, 0),
        AttributeValue::Text(text) => visit(key, text, 0),
        AttributeValue::Number(number) => visit(key, itoa::Buffer::new().format(number), 0),
    }
}

#[cfg(test)]
mod tests;
