//! The status of a gRPC call, and the delay before a retry.
//!
//! Defines the two messages of `google.rpc` that OTLP uses
//! ([OTLP/gRPC throttling](https://opentelemetry.io/docs/specs/otlp/#otlpgrpc-throttling)).

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use prost::Message;

use super::body::Unreadable;

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// The characters of a message that are percent-encoded.
///
/// They are the percent sign and all characters except printable ASCII, as [gRPC over
/// HTTP/2](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses) requires.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

/// The status codes that the receiver sends.
///
/// See [Status codes and their use in gRPC](https://grpc.github.io/grpc/core/md_doc_statuscodes.html).
mod code {
    pub(super) const OK: i32 = 0;
    pub(super) const UNKNOWN: i32 = 2;
    pub(super) const INVALID_ARGUMENT: i32 = 3;
    pub(super) const PERMISSION_DENIED: i32 = 7;
    pub(super) const RESOURCE_EXHAUSTED: i32 = 8;
    pub(super) const UNIMPLEMENTED: i32 = 12;
    pub(super) const UNAVAILABLE: i32 = 14;
    pub(super) const UNAUTHENTICATED: i32 = 16;
}

/// The status of a call.
#[derive(Debug, Clone)]
pub(super) struct RpcStatus {
    code: i32,
    message: String,
    retry_after: Option<Duration>,
}

impl RpcStatus {
    pub(super) const OK: Self = Self {
        code: code::OK,
        message: String::new(),
        retry_after: None,
    };

    /// Returns the status with the same meaning as an HTTP status.
    pub(super) fn rejection(http_status: u16, retry_after: Option<Duration>) -> Self {
        let code = match http_status {
            400 => code::INVALID_ARGUMENT,
            401 => code::UNAUTHENTICATED,
            403 => code::PERMISSION_DENIED,
            404 => code::UNIMPLEMENTED,
            429 => code::RESOURCE_EXHAUSTED,
            502..=504 => code::UNAVAILABLE,
            _ => code::UNKNOWN,
        };
        Self {
            code,
            message: "the test rejects every request".to_owned(),
            retry_after,
        }
    }

    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(STATUS, HeaderValue::from(self.code));
        let message = utf8_percent_encode(&self.message, ESCAPED).to_string();
        let details = self
            .retry_after
            .map(|after| STANDARD_NO_PAD.encode(self.with_retry_info(after).encode_to_vec()));
        let texts = [(MESSAGE, Some(message)), (DETAILS, details)];
        for (name, text) in texts {
            let value = text
                .filter(|text| !text.is_empty())
                .map(HeaderValue::try_from);
            if let Some(Ok(value)) = value {
                headers.insert(name, value);
            }
        }
        headers
    }

    fn with_retry_info(&self, after: Duration) -> Status {
        let retry_info = RetryInfo {
            retry_delay: Some(ProtoDuration {
                seconds: i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
                nanos: i32::try_from(after.subsec_nanos()).unwrap_or(i32::MAX),
            }),
        };
        Status {
            code: self.code,
            message: self.message.clone(),
            details: vec![Any {
                type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
                value: retry_info.encode_to_vec(),
            }],
        }
    }
}

impl From<Unreadable> for RpcStatus {
    fn from(unreadable: Unreadable) -> Self {
        let (code, message) = match unreadable {
            Unreadable::TooLarge(reason) => (code::RESOURCE_EXHAUSTED, reason),
            Unreadable::Malformed(reason) => (code::INVALID_ARGUMENT, reason),
            Unreadable::Unsupported(reason) => (code::UNIMPLEMENTED, reason),
        };
        Self {
            code,
            message,
            retry_after: None,
        }
    }
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    pub(super) details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Any {
    #[prost(string, tag = "1")]
    pub(super) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    pub(super) retry_delay: Option<ProtoDuration>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct ProtoDuration {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}
