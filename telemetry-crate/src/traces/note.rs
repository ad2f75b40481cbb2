//! What a span reports to the flight recorder.
//!
//! Attributes are reported as text, without secrets.

use std::borrow::Cow;

use opentelemetry::{KeyValue, Value};

use crate::{
    evidence::{MAX_VALUE, SpanNote, VisitText},
    secret::{REDACTED, is_secret, may_hold_address, without_credentials},
    values::prefix,
};

/// Reports an attribute.
pub(super) fn set(note: &SpanNote, attribute: &KeyValue) {
    visit(attribute, &mut |key, value| note.set(key, value));
}

/// Visits the attributes of a new span as text, without its target.
pub(super) fn visit_all(attributes: &[KeyValue], visit_text: VisitText<'_>) {
    for attribute in attributes {
        if attribute.key.as_str() != "target" {
            visit(attribute, visit_text);
        }
    }
}

fn visit(attribute: &KeyValue, visit_text: VisitText<'_>) {
    let key = attribute.key.as_str();
    // The texts of these attributes come from the program's routes, so a search for secrets finds none.
    if let ("http.request.method" | "http.route", Value::String(text)) = (key, &attribute.value) {
        return visit_text(key, text.as_str());
    }
    if is_secret(key) {
        return visit_text(key, REDACTED);
    }
    let mut digits = itoa::Buffer::new();
    let text = match &attribute.value {
        Value::String(text) => Cow::Borrowed(text.as_str()),
        Value::I64(number) => Cow::Borrowed(digits.format(*number)),
        Value::Bool(true) => Cow::Borrowed("true"),
        Value::Bool(false) => Cow::Borrowed("false"),
        other => Cow::Owned(other.to_string()),
    };
    let kept = prefix(&text, MAX_VALUE);
    if may_hold_address(kept) {
        let is_cut = kept.len() < text.len();
        visit_text(key, &without_credentials(kept, is_cut));
    } else {
        visit_text(key, kept);
    }
}
