//! What a span reports to the flight recorder.
//!
//! Attributes are reported as text, without secrets.

use std::borrow::Cow;

use opentelemetry::{KeyValue, Value};

use crate::{
    evidence::{MAX_VALUE, SpanNote, VisitText},
    secret::{REDACTED, is_secret, may_hold_address, without_credentials},
    values::{TRUNCATION_MARK, prefix},
};

/// Reports an attribute.
pub(super) fn set(note: &SpanNote, attribute: &KeyValue) {
    visit(attribute, &mut |key, value, cut| note.set(key, value, cut));
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
        return visit_text(key, text.as_str(), 0);
    }
    if is_secret(key) {
        return visit_text(key, REDACTED, 0);
    }
    let mut digits = itoa::Buffer::new();
    let text = match &attribute.value {
        Value::String(text) => Cow::Borrowed(text.as_str()),
        Value::I64(number) => Cow::Borrowed(digits.format(*number)),
        Value::Bool(true) => Cow::Borrowed("true"),
        Value::Bool(false) => Cow::Borrowed("false"),
        other => Cow::Owned(other.to_string()),
    };
    if text.len() > MAX_VALUE {
        visit_beginning(key, &text, visit_text);
    } else if may_hold_address(&text) {
        visit_text(key, &without_credentials(&text, false), 0);
    } else {
        visit_text(key, &text, 0);
    }
}

/// Visits the beginning of a long value, with a mark at its end.
#[cold]
fn visit_beginning(key: &str, text: &str, visit_text: VisitText<'_>) {
    let kept = prefix(text, MAX_VALUE - TRUNCATION_MARK.len());
    let mut marked = without_credentials(kept, true).into_owned();
    marked.push_str(TRUNCATION_MARK);
    visit_text(key, &marked, text.len() - kept.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_say_what_was_cut() {
        let visited = |value: String| {
            let mut found = Vec::new();
            let attribute = KeyValue::new("body", value);
            visit_all(&[attribute], &mut |key, value, cut| {
                found.push((key.to_owned(), value.to_owned(), cut));
            });
            found
        };
        let whole = "x".repeat(MAX_VALUE);
        let found = |value: String, cut| [("body".to_owned(), value, cut)];
        assert_eq!(visited(whole.clone()), found(whole, 0));
        let kept = MAX_VALUE - TRUNCATION_MARK.len();
        let beginning = format!("{}{TRUNCATION_MARK}", "x".repeat(kept));
        let long = "x".repeat(3_000_000);
        assert_eq!(visited(long), found(beginning, 3_000_000 - kept));
        // The end of a password must not be taken for something else after the cut.
        let mut address = "x".repeat(kept - 20);
        address.push_str("postgres://ada:hunter2hunter2hunter2@db/orders");
        let [(_, value, cut)] = &visited(address)[..] else {
            unreachable!("one attribute is visited");
        };
        assert_eq!((value.contains("hunter"), *cut), (false, 26));
        assert!(value.ends_with(TRUNCATION_MARK), "{value}");
    }
}
