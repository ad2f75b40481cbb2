//! gRPC on the wire: the detection of requests, and the status codes.

use http::{HeaderMap, StatusCode};

/// A gRPC status code.
///
/// gRPC's page about [status codes](https://github.com/grpc/grpc/blob/master/doc/statuscodes.md)
/// describes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code(u8);

/// Names by number, as in the semantic conventions for gRPC's `rpc.status_code`.
const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

impl Code {
    pub(crate) const OK: Self = Self(0);
    pub(crate) const CANCELLED: Self = Self(1);
    pub(crate) const UNKNOWN: Self = Self(2);
    pub(crate) const DEADLINE_EXCEEDED: Self = Self(4);
    const PERMISSION_DENIED: Self = Self(7);
    const RESOURCE_EXHAUSTED: Self = Self(8);
    const UNIMPLEMENTED: Self = Self(12);
    const INTERNAL: Self = Self(13);
    const UNAVAILABLE: Self = Self(14);
    const DATA_LOSS: Self = Self(15);
    const UNAUTHENTICATED: Self = Self(16);

    /// Reads the code from trailers, or from the head of a response without a body.
    ///
    /// A number outside the known codes is `UNKNOWN`.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let status = headers.get("grpc-status")?;
        let number = status.to_str().ok().and_then(|status| status.parse().ok());
        let known = number.filter(|number| usize::from(*number) < NAMES.len());
        Some(known.map_or(Self::UNKNOWN, Self))
    }

    /// Returns the code for a response without a status, such as a proxy's.
    ///
    /// gRPC defines the [mapping](https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md).
    pub(crate) fn from_http(status: StatusCode) -> Self {
        match status.as_u16() {
            400 => Self::INTERNAL,
            401 => Self::UNAUTHENTICATED,
            403 => Self::PERMISSION_DENIED,
            404 => Self::UNIMPLEMENTED,
            429 | 502..=504 => Self::UNAVAILABLE,
            _ => Self::UNKNOWN,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        NAMES.get(usize::from(self.0)).copied().unwrap_or("UNKNOWN")
    }

    /// Returns whether the code is an error of the server, not of the caller.
    ///
    /// The semantic conventions for gRPC server spans list these codes.
    pub(crate) fn is_error_of_server(self) -> bool {
        matches!(
            self,
            Self::UNKNOWN
                | Self::DEADLINE_EXCEEDED
                | Self::UNIMPLEMENTED
                | Self::INTERNAL
                | Self::UNAVAILABLE
                | Self::DATA_LOSS
        )
    }

    /// Returns whether a layer around the methods may send this code.
    ///
    /// Such layers do authentication, load shedding and routing. Their codes do not confirm that
    /// the called method exists.
    pub(crate) fn may_come_from_layer(self) -> bool {
        matches!(
            self,
            Self::CANCELLED
                | Self::PERMISSION_DENIED
                | Self::RESOURCE_EXHAUSTED
                | Self::UNIMPLEMENTED
                | Self::UNAUTHENTICATED
        )
    }
}

/// Returns whether a request is gRPC over HTTP/2, and not gRPC-Web.
///
/// [gRPC over HTTP/2](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests)
/// defines the content type.
pub(crate) fn is_grpc(headers: &http::HeaderMap) -> bool {
    let content_type = headers.get(http::header::CONTENT_TYPE);
    let rest = content_type.and_then(|value| value.as_bytes().strip_prefix(b"application/grpc"));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::Code;

    #[test]
    fn every_code_has_a_name() {
        let name = |status: &'static str| {
            let value = HeaderValue::from_static(status);
            let headers = HeaderMap::from_iter([("grpc-status".parse().ok()?, value)]);
            Code::from_headers(&headers).map(Code::name)
        };
        for (status, expected) in [
            ("0", "OK"),
            ("16", "UNAUTHENTICATED"),
            ("17", "UNKNOWN"),
            ("-1", "UNKNOWN"),
            ("999999999999", "UNKNOWN"),
            ("", "UNKNOWN"),
        ] {
            assert_eq!(name(status), Some(expected), "{status}");
        }
        assert_eq!(Code::from_headers(&HeaderMap::new()), None);
        assert_eq!(
            Code::from_http(StatusCode::BAD_GATEWAY).name(),
            "UNAVAILABLE"
        );
        assert_eq!(Code::from_http(StatusCode::OK).name(), "UNKNOWN");
    }
}
