//! Responses of OTLP over HTTP: status, content type and body.
//!
//! A login page, a proxy or another server on the port also answers `200`. If such a response counted as a success, all
//! telemetry would be lost without an error.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use jiff::{civil::DateTime, tz::TimeZone};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

use super::stats::{ExportError, Retry};
use crate::values::with_causes;

/// The longest response that is read; an OTLP response has a few bytes.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// The kind of an error for a response that does not come from an OTLP collector.
const NOT_OTLP: &str = "not_otlp";

/// Returns the message of a successful response over HTTP.
pub(super) async fn of_http(response: Response<Incoming>) -> Result<Bytes, ExportError> {
    let (head, body) = response.into_parts();
    if !head.status.is_success() {
        return Err(refused(head.status, &head.headers));
    }
    let kind = media_type(&head.headers);
    // The body of any other type, such as a web page, is not read: it would add nothing to the error.
    if !matches!(
        &*kind,
        "" | "application/x-protobuf"
            | "application/protobuf"
            | "application/octet-stream"
            | "application/json"
            | "text/plain"
    ) {
        return Err(foreign(head.status, &kind));
    }
    let body = collect(body).await?.to_bytes();
    // The response of a full success is an empty message, and several receivers send it without a content type.
    let is_otlp = match &*kind {
        _ if body.is_empty() => true,
        "application/x-protobuf" | "application/protobuf" => is_message(&body),
        // Some vendors answer in JSON regardless of the request's format.
        "application/json" => is_empty_json(&body),
        _ => false,
    };
    match is_otlp {
        true if kind.ends_with("protobuf") => Ok(body),
        true => Ok(Bytes::new()),
        false => Err(foreign(head.status, &kind)),
    }
}

/// Reads a response's body, up to [`MAX_RESPONSE_BYTES`].
pub(super) async fn collect(
    body: Incoming,
) -> Result<http_body_util::Collected<Bytes>, ExportError> {
    Limited::new(body, MAX_RESPONSE_BYTES)
        .collect()
        .await
        .map_err(|error| {
            if error.is::<LengthLimitError>() {
                let text = format!(
                    "found an answer of more than {MAX_RESPONSE_BYTES} bytes where an OTLP collector answers with a few"
                );
                return ExportError::new(NOT_OTLP, text, Retry::No);
            }
            ExportError::new(
                "network",
                format!("reading the answer: {}", with_causes(error.as_ref())),
                Retry::Yes,
            )
        })
}

/// Whether the body is an OTLP response.
///
/// The responses of the three services have the same encoding.
pub(super) fn is_message(body: &[u8]) -> bool {
    ExportTraceServiceResponse::decode(body).is_ok()
}

/// Whether a JSON body says that all records were accepted.
///
/// The fields may be absent or have their default values.
pub(super) fn is_empty_json(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    let mut text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    for default in [
        r#""rejectedSpans":"0""#,
        r#""rejectedSpans":0"#,
        r#""rejectedDataPoints":"0""#,
        r#""rejectedDataPoints":0"#,
        r#""rejectedLogRecords":"0""#,
        r#""rejectedLogRecords":0"#,
        r#""errorMessage":"""#,
    ] {
        // The match includes the character after the value, so that `0` does not match the start of a longer number.
        for end in [",", "}"] {
            let kept = if end == "}" { "}" } else { "" };
            text = text.replace(&format!("{default}{end}"), kept);
        }
    }
    matches!(
        &*text.replace(",}", "}"),
        "{}" | r#"{"partialSuccess":{}}"# | r#"{"partialSuccess":null}"#
    )
}

/// The error of a successful response that does not come from a collector.
///
/// It is not retried, because the same server would answer again.
pub(super) fn foreign(status: StatusCode, kind: &str) -> ExportError {
    let found = match kind {
        "text/html" | "application/xhtml+xml" => format!("a web page ({kind})"),
        "" => "a body without a content type".to_owned(),
        "application/x-protobuf" | "application/grpc" => format!("an unreadable body ({kind})"),
        _ => format!("a body of another kind ({kind})"),
    };
    ExportError::new(
        NOT_OTLP,
        format!("found {status} with {found} where an OTLP collector should answer"),
        Retry::No,
    )
}

/// The error of a response with an error status.
///
/// After 429, 502, 503 and 504 a request may be retried, as "Failures" (OTLP/HTTP) in the OTLP specification says. The
/// error leaves out the body, because collectors echo the telemetry that they received.
pub(super) fn refused(status: StatusCode, headers: &HeaderMap) -> ExportError {
    let retry = match (status.as_u16(), retry_after(headers, SystemTime::now())) {
        (429 | 502 | 503 | 504, Some(delay)) => Retry::After(delay),
        (429 | 502 | 503 | 504, None) => Retry::Yes,
        (413, _) => Retry::Smaller,
        _ => Retry::No,
    };
    let page = match &*media_type(headers) {
        kind @ "text/html" => format!(" with a web page ({kind})"),
        _ => String::new(),
    };
    ExportError::new(
        status.as_str(),
        format!("the collector answered {status}{page}"),
        retry,
    )
}

/// Returns the content type without its parameters.
///
/// It is cut to 100 characters, because it becomes part of an error's text.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = value.split(';').next().unwrap_or_default().trim();
    kind.chars()
        .take(100)
        .collect::<String>()
        .to_ascii_lowercase()
}

/// Returns the delay of a `Retry-After` header.
///
/// RFC 9110 ("Retry-After") defines its value as a number of seconds or a date. A date is compared with the server's
/// clock if the response has a `Date` header, and with `now` otherwise.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name| {
        let value: Option<&HeaderValue> = headers.get(name);
        value.and_then(|value| value.to_str().ok()).map(str::trim)
    };
    let value = text(header::RETRY_AFTER)?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = text(header::DATE).and_then(date).unwrap_or(now);
    Some(date(value)?.duration_since(now).unwrap_or_default())
}

/// Parses a date.
///
/// RFC 9110 ("Date/Time Formats") defines the preferred format, and two obsolete formats that recipients must accept.
fn date(text: &str) -> Option<SystemTime> {
    [
        "%a, %d %b %Y %H:%M:%S GMT",
        "%A, %d-%b-%y %H:%M:%S GMT",
        "%a %b %e %H:%M:%S %Y",
    ]
    .iter()
    .find_map(|format| {
        let date = DateTime::strptime(format, text).ok()?;
        let seconds = TimeZone::UTC.to_timestamp(date).ok()?.as_second();
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.try_into().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delay(value: &'static str, date: Option<&'static str>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static(value));
        if let Some(date) = date {
            headers.insert(header::DATE, HeaderValue::from_static(date));
        }
        retry_after(&headers, SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let nine = Some(Duration::from_secs(9));
        assert_eq!(delay("9", None), nine);
        for date in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(delay(date, Some("Sun, 06 Nov 1994 08:49:28 GMT")), nine);
        }
        assert_eq!(delay("Thu, 01 Jan 1970 00:00:09 GMT", None), nine);
        let past = delay(
            "Thu, 01 Jan 1970 00:00:09 GMT",
            Some("Sun, 06 Nov 1994 08:49:28 GMT"),
        );
        assert_eq!(past, Some(Duration::ZERO));
        assert_eq!(delay("soon", None), None);
    }

    #[test]
    fn json_may_contain_default_values() {
        for body in [
            "{}",
            r#"{ "partialSuccess": {} }"#,
            r#"{"partialSuccess":{"rejectedSpans":0}}"#,
            r#"{"partialSuccess":{"rejectedSpans":"0","errorMessage":""}}"#,
            r#"{"partialSuccess":{"errorMessage":"","rejectedLogRecords":0}}"#,
        ] {
            assert!(is_empty_json(body.as_bytes()), "{body}");
        }
        for body in [
            "",
            "[]",
            r#"{"error":"no such page"}"#,
            r#"{"partialSuccess":{"rejectedSpans":7}}"#,
            r#"{"partialSuccess":{"rejectedSpans":"07"}}"#,
            r#"{"partialSuccess":{"errorMessage":"full"}}"#,
        ] {
            assert!(!is_empty_json(body.as_bytes()), "{body}");
        }
    }
}
