//! The members of `tracestate`, which hold data of tracing vendors.

use opentelemetry::{
    Context,
    trace::{SpanContext, TraceContextExt, TraceId, TraceState},
};

/// Maximum number of members in the list. A longer list is dropped.
const MAX_MEMBERS: usize = 32;

/// Maximum length of a key or a value in bytes.
const MAX_LENGTH: usize = 256;

/// A `tracestate` with a valid key that OpenTelemetry's `TraceState` rejects.
///
/// `TraceState` applies the rules of level 1 for an `@`, and cannot be created without them. So the full header is kept
/// beside the members that it accepts.
#[derive(Debug)]
struct FullState {
    trace_id: TraceId,
    /// The members that `TraceState` accepts.
    accepted: TraceState,
    header: String,
}

/// Adds the remote span and its state to the context.
///
/// If any member is malformed, the whole state is dropped, and the trace is continued.
pub(super) fn with_remote(
    headers: &[&str],
    trace_id: TraceId,
    context: &Context,
    span: impl FnOnce(TraceState) -> SpanContext,
) -> Context {
    let members = parse(headers).unwrap_or_default();
    if let Ok(state) = TraceState::from_key_value(members.iter().copied()) {
        return context.with_remote_span_context(span(state));
    }
    let is_accepted = |member: &(&str, &str)| TraceState::from_key_value([*member]).is_ok();
    let accepted = members.iter().copied().filter(is_accepted);
    let accepted = TraceState::from_key_value(accepted).unwrap_or_default();
    let header: Vec<_> = (members.iter().map(|(key, value)| format!("{key}={value}"))).collect();
    let full = FullState {
        trace_id,
        accepted: accepted.clone(),
        header: header.join(","),
    };
    (context.with_remote_span_context(span(accepted))).with_value(full)
}

/// The header for this span, or `None` if its state is empty or invalid.
///
/// The state of a span may come from a sampler or from the program, and may then contain any text.
pub(super) fn header(context: &Context, span: &SpanContext) -> Option<String> {
    let state = span.trace_state();
    if let Some(full) = context.get::<FullState>()
        && full.trace_id == span.trace_id()
        && full.accepted == *state
    {
        return Some(full.header.clone());
    }
    Some(state.header()).filter(|header| !parse(&[header]).unwrap_or_default().is_empty())
}

/// Parses the members in order. Several headers form one list.
///
/// If two members have the same key, the first is kept, because vendors add new members at the front.
fn parse<'a>(headers: &[&'a str]) -> Option<Vec<(&'a str, &'a str)>> {
    let mut members: Vec<(&str, &str)> = Vec::new();
    let texts = headers.iter().flat_map(|header| header.split(','));
    // Empty members are valid: they result from joining headers.
    let texts = texts.map(|text| text.trim_matches([' ', '\t']));
    for (index, text) in texts.filter(|text| !text.is_empty()).enumerate() {
        let (key, value) = text.split_once('=')?;
        if index >= MAX_MEMBERS || !is_key(key) || !is_value(value) {
            return None;
        }
        if !members.iter().any(|(earlier, _)| *earlier == key) {
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
