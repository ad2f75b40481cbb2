//! Unary gRPC calls of OTLP.
//!
//! A message has five bytes of framing before it, and the result is in two trailers. The calls use the client of
//! OTLP/HTTP, so that both transports have the same connections, timeouts, retries and error texts. `tonic` would be a
//! second client with a behavior of its own, and OTLP uses no other part of gRPC. "gRPC over HTTP2" specifies the wire
//! format (grpc/grpc, doc/PROTOCOL-HTTP2.md).

use std::time::Duration;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use prost::Message;

use super::{
    connect::Connection,
    response,
    stats::{ExportError, Retry},
};
use crate::grpc_code::Code;

/// The size of the framing in bytes: one of flags, and four of the length.
const FRAME: usize = 5;

/// Sends one message, and returns the message of a successful response.
pub(super) async fn call(
    connection: &Connection,
    request: Request<Full<Bytes>>,
    is_compressed: bool,
    timeout: Duration,
) -> Result<Bytes, ExportError> {
    let (mut head, body) = request.into_parts();
    let message = body
        .collect()
        .await
        .unwrap_or_else(|never| match never {})
        .to_bytes();
    let mut framed = BytesMut::with_capacity(FRAME + message.len());
    framed.put_u8(is_compressed.into());
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put(message);
    head.headers
        .insert(header::TE, HeaderValue::from_static("trailers"));
    if is_compressed {
        head.headers
            .insert("grpc-encoding", HeaderValue::from_static("gzip"));
    }
    if let Ok(timeout) = HeaderValue::try_from(format!("{}m", timeout.as_millis().min(99_999_999)))
    {
        head.headers.insert("grpc-timeout", timeout);
    }

    let request = Request::from_parts(head, Full::new(framed.freeze()));
    connection.exchange(request, read).await
}

/// Returns the message of a successful response.
async fn read(response: Response<Incoming>) -> Result<Bytes, ExportError> {
    let (head, body) = response.into_parts();
    // In a response without a message, the status is among the headers.
    let status = Status::from_headers(&head.headers);
    if let Some(status) = status.filter(|status| status.code != Code::OK) {
        return Err(status.into_error());
    }
    if head.status != StatusCode::OK {
        return Err(refused(head.status));
    }
    let kind = response::media_type(&head.headers);
    if !crate::grpc_code::is_grpc(&head.headers) {
        return Err(response::foreign(head.status, &kind));
    }
    let body = response::collect(body).await?;
    match Status::from_headers(body.trailers().unwrap_or(&head.headers)) {
        Some(Status { code: Code::OK, .. }) => message(&body.to_bytes())
            .ok_or_else(|| response::foreign(head.status, "application/grpc")),
        Some(status) => Err(status.into_error()),
        None => Err(ExportError::new(
            "network",
            "the answer broke off before its gRPC status: does a proxy in between support HTTP/2?",
            Retry::Yes,
        )),
    }
}

/// Returns the only message of a body, if it is an OTLP response.
///
/// A compressed message is rejected, because the request did not allow compression.
fn message(body: &Bytes) -> Option<Bytes> {
    let (&[flag, a, b, c, d], message) = body.split_first_chunk::<FRAME>()?;
    let is_whole = usize::try_from(u32::from_be_bytes([a, b, c, d])) == Ok(message.len());
    (flag == 0 && is_whole && response::is_message(message)).then(|| body.slice(FRAME..))
}

/// The error of an HTTP status without a gRPC status.
///
/// "HTTP to gRPC Status Code Mapping" (grpc/grpc, doc) says that 429, 502, 503 and 504 stand for `UNAVAILABLE`, which may
/// be retried. A smaller request is sent after 413, and none after any other status.
fn refused(status: StatusCode) -> ExportError {
    let retry = match status.as_u16() {
        429 | 502 | 503 | 504 => Retry::Yes,
        413 => Retry::Smaller,
        _ => Retry::No,
    };
    ExportError::new(
        status.as_str(),
        format!(
            "the answer has the HTTP status {status} and no gRPC status: is it a gRPC server, usually on port 4317?"
        ),
        retry,
    )
}

/// The status of a call.
struct Status {
    code: Code,
    message: String,
    retry_delay: Option<Duration>,
}

impl Status {
    fn from_headers(trailers: &HeaderMap) -> Option<Self> {
        let text = |name| {
            trailers
                .get(name)
                .and_then(|value: &HeaderValue| value.to_str().ok())
        };
        let message = percent_decode_str(text("grpc-message").unwrap_or_default());
        Some(Self {
            code: Code::from_headers(trailers)?,
            message: message.decode_utf8_lossy().into_owned(),
            retry_delay: text("grpc-status-details-bin").and_then(retry_delay),
        })
    }

    /// Whether the message says that the request was too large.
    ///
    /// The first text is that of Go, C and JavaScript, the second that of Java, the third that of .NET, and the fourth that
    /// of Rust.
    fn is_about_size(&self) -> bool {
        let message = self.message.to_ascii_lowercase();
        [
            "larger than max",
            "exceeds maximum size",
            "exceeds the maximum",
            "length too large",
        ]
        .iter()
        .any(|words| message.contains(words))
    }

    /// Converts the status into an error.
    ///
    /// The codes that may be retried are listed under "Failures" (OTLP/gRPC) in the OTLP specification.
    /// `RESOURCE_EXHAUSTED` may be retried only if the server sends a delay.
    fn into_error(self) -> ExportError {
        let name = self.code.name();
        let retry = match (name, self.retry_delay) {
            ("RESOURCE_EXHAUSTED" | "OUT_OF_RANGE", _) if self.is_about_size() => Retry::Smaller,
            (
                "CANCELLED" | "DEADLINE_EXCEEDED" | "RESOURCE_EXHAUSTED" | "ABORTED"
                | "OUT_OF_RANGE" | "UNAVAILABLE" | "DATA_LOSS",
                Some(delay),
            ) => Retry::After(delay),
            (
                "CANCELLED" | "DEADLINE_EXCEEDED" | "ABORTED" | "OUT_OF_RANGE" | "UNAVAILABLE"
                | "DATA_LOSS",
                None,
            ) => Retry::Yes,
            _ => Retry::No,
        };
        // The message describes the error, unlike the body of an HTTP error, and may have any length.
        let message: String = self.message.chars().take(200).collect();
        ExportError::new(
            name,
            format!("the collector answered {name}: {message}"),
            retry,
        )
    }
}

/// `google.rpc.Status`, reduced to the details.
#[derive(Clone, PartialEq, Message)]
struct Details {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Detail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Detail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// Returns the delay of the `RetryInfo` in the details of a status.
fn retry_delay(details: &str) -> Option<Duration> {
    let details = Details::decode(&*BASE64.decode(details).ok()?).ok()?;
    let info = details
        .details
        .iter()
        .find(|detail| detail.type_url.ends_with("google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(&*info.value).ok()?.retry_delay?;
    Some(Duration::new(
        delay.seconds.try_into().ok()?,
        delay.nanos.try_into().ok()?,
    ))
}

/// The encoding of binary metadata, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn trailers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn statuses_tell_when_to_retry() {
        // google.rpc.Status { code: 8, details: [RetryInfo { retry_delay: 3 s }] }, as grpc-go sends it.
        let details = "CAgaMAoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mbxIECgIIAw";
        let full = trailers(&[
            ("grpc-status", "8"),
            ("grpc-message", "too%20much"),
            ("grpc-status-details-bin", details),
        ]);
        let error = Status::from_headers(&full).unwrap().into_error();
        assert_eq!(error.kind, "RESOURCE_EXHAUSTED");
        assert_eq!(
            error.text,
            "the collector answered RESOURCE_EXHAUSTED: too much"
        );
        assert_eq!(error.retry, Retry::After(Duration::from_secs(3)));

        let retry_of = |code| {
            Status::from_headers(&trailers(&[("grpc-status", code)]))
                .unwrap()
                .into_error()
                .retry
        };
        assert_eq!(retry_of("14"), Retry::Yes);
        assert_eq!(retry_of("8"), Retry::No);
        assert_eq!(retry_of("16"), Retry::No);
        assert_eq!(retry_of("99"), Retry::No);
        assert!(Status::from_headers(&trailers(&[])).is_none());

        let go = "grpc: received message larger than max (5000000 vs. 4194304)";
        let size = trailers(&[("grpc-status", "8"), ("grpc-message", go)]);
        assert_eq!(
            Status::from_headers(&size).unwrap().into_error().retry,
            Retry::Smaller
        );
    }
}
