//! The answers of the receiver to export requests.

use std::time::Duration;

/// The answer to an export request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CollectorAnswer {
    /// Accepts everything. The default.
    #[default]
    Accept,
    /// Rejects everything.
    Reject {
        /// The HTTP status, such as 503.
        ///
        /// Over gRPC the receiver sends the code with the same meaning by the
        /// [specification](https://opentelemetry.io/docs/specs/otlp/#failures-1): 429 is `RESOURCE_EXHAUSTED`, 502, 503
        /// and 504 are `UNAVAILABLE`, 400 is `INVALID_ARGUMENT`, 401 is `UNAUTHENTICATED`, 403 is `PERMISSION_DENIED`,
        /// 404 is `UNIMPLEMENTED`, and every other status is `UNKNOWN`.
        status: u16,
        /// The delay before a retry.
        ///
        /// Over HTTP it is the header `Retry-After`, rounded up to seconds. Over gRPC it is a `RetryInfo`.
        retry_after: Option<Duration>,
    },
    /// Rejects some of the records.
    ///
    /// See [partial success](https://opentelemetry.io/docs/specs/otlp/#partial-success-1). The receiver still keeps all
    /// records for the test.
    Partial {
        /// The number of rejected spans, log records or data points.
        ///
        /// 0 makes the message a warning.
        rejected: i64,
        /// The reason, for a log line.
        message: String,
    },
    /// Reads the request and does not answer until the receiver is dropped.
    Hang,
}

impl CollectorAnswer {
    /// Whether the receiver keeps the content of the request.
    pub(super) fn keeps(&self) -> bool {
        matches!(self, Self::Accept | Self::Partial { .. })
    }
}
