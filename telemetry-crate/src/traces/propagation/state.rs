//! The members of `tracestate`: what other vendors keep in a trace.

use opentelemetry::{
    Context,
    trace::{SpanContext, TraceContextExt, TraceId, TraceState},
};

/// Members of the list; one more and the whole is dropped.
const MAX_MEMBERS: usize = 32;

/// Bytes of a key, and of a value.
const MAX_LENGTH: usize = 256;

/// The header of a trace that has a key which opentelemetry's `TraceState` refuses, with what it holds of the others.
///
/// `TraceState` follows level 1 in what may be around an `@`, and can be made in no other way.
#[derive(Debug)]
struct Whole {
    trace_id: TraceId,
    held: TraceState,
    header: String,
}

/// Puts the span that was received into the context, with its state. A state that is malformed anywhere is dropped as a
/// whole, and the trace goes on.
pub(super) fn received(
    headers: &[&str],
    trace_id: TraceId,
    context: &Context,
    span: impl FnOnce(TraceState) -> SpanContext,
) -> Context {
    let members = parse(headers).unwrap_or_default();
    if let Ok(state) = TraceState::from_key_value(members.iter().copied()) {
        return context.with_remote_span_context(span(state));
    }
    let is_held = |member: &(&str, &str)| TraceState::from_key_value([*member]).is_ok();
    let held = members.iter().copied().filter(is_held);
    let held = TraceState::from_key_value(held).unwrap_or_default();
    let header: Vec<_> = (members.iter().map(|(key, value)| format!("{key}={value}"))).collect();
    let whole = Whole {
        trace_id,
        held: held.clone(),
        header: header.join(","),
    };
    (context.with_remote_span_context(span(held))).with_value(whole)
}

/// The header for this span, if it has a state that may be sent: a sampler, or a span of the program's own, may hold anything.
pub(super) fn written(context: &Context, span: &SpanContext) -> Option<String> {
    let state = span.trace_state();
    let whole = context.get::<Whole>();
    if let Some(whole) = whole
        && whole.trace_id == span.trace_id()
        && whole.held == *state
    {
        return Some(whole.header.clone());
    }
    Some(state.header()).filter(|header| !parse(&[header]).unwrap_or_default().is_empty())
}

/// The members in order, of two with one key the first, which was written last. Several headers are one list.
fn parse<'a>(headers: &[&'a str]) -> Option<Vec<(&'a str, &'a str)>> {
    let mut members: Vec<(&str, &str)> = Vec::new();
    let texts = headers.iter().flat_map(|header| header.split(','));
    // An empty member says nothing, and is no fault: joining headers makes them.
    let texts = texts.map(|text| text.trim_matches([' ', '\t']));
    for (index, text) in texts.filter(|text| !text.is_empty()).enumerate() {
        let (key, value) = text.split_once('=')?;
        if index >= MAX_MEMBERS || !is_key(key) || !is_value(value) {
            return None;
        }
        if !members.iter().any(|(known, _)| *known == key) {
            members.push((key, value));
        }
    }
    Some(members)
}

fn is_key(key: &str) -> bool {
    let begins = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9');
    let continues = |byte: u8| begins(&byte) || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@');
    key.len() <= MAX_LENGTH
        && key.as_bytes().first().is_some_and(begins)
        && key.bytes().all(continues)
}

fn is_value(value: &str) -> bool {
    let allowed = |byte| matches!(byte, b' '..=b'~') && byte != b',' && byte != b'=';
    !value.is_empty() && value.len() <= MAX_LENGTH && value.bytes().all(allowed)
}
