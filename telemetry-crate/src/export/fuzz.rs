//! Checks of the answers to exports with those of any server.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;

use super::{
    partial::PartialSuccess,
    response::{foreign, is_empty_json, media_type, refused},
    stats::{ExportError, Retry},
};

/// Headers of answers that are read.
const HEADERS: [HeaderName; 3] = [header::RETRY_AFTER, header::DATE, header::CONTENT_TYPE];

/// Reads an answer of a collector.
///
/// It is a line with the status, lines of `name: value`, an empty line, and the body.
///
/// # Panics
///
/// If the body's records count as accepted although it says otherwise, or an error's text is long or has several lines.
pub(crate) fn check(bytes: &[u8]) {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = bytes.split_at(end.unwrap_or(bytes.len()));
    let body = body.get(2..).unwrap_or_default();
    let mut headers = HeaderMap::new();
    let mut lines = head.split(|byte| *byte == b'\n');
    let status = StatusCode::from_bytes(lines.next().unwrap_or_default());
    let status = status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    for line in lines.take(20) {
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = HeaderValue::from_bytes(value.get(1..).unwrap_or_default().trim_ascii());
        let known = HEADERS
            .iter()
            .find(|known| known.as_str().as_bytes() == name);
        if let (Some(name), Ok(value)) = (known, value) {
            headers.append(name, value);
        }
    }

    let error = refused(status, &headers);
    check_text(&error);
    let may_retry = matches!(status.as_u16(), 429 | 502 | 503 | 504);
    let retries = matches!(error.retry, Retry::Yes | Retry::After(_));
    assert_eq!(retries, may_retry, "{status}");
    check_text(&foreign(status, &media_type(&headers)));

    let partial = PartialSuccess::decode(body);
    assert!(partial.message.len() <= body.len());
    if is_empty_json(body)
        && let Ok(json) = serde_json::from_slice(body)
    {
        assert!(has_only_defaults(&json), "{json}");
    }
}

fn check_text(error: &ExportError) {
    assert!(error.text.len() < 400, "{error:?}");
    assert!(!error.text.contains(['\n', '\r']), "{error:?}");
}

/// Whether no value in the JSON says anything.
fn has_only_defaults(json: &Value) -> bool {
    match json {
        Value::Null => true,
        Value::Bool(_) => false,
        Value::Number(number) => number.as_u64() == Some(0),
        Value::String(text) => matches!(text.trim(), "" | "0"),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(has_only_defaults),
    }
}
