//! What the receiver answers, so that a test can see what an exporter makes of it.

use std::time::Duration;

/// An answer of a collector, good or bad.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// Takes everything. The default.
    #[default]
    Accept,
    /// Takes nothing.
    Reject {
        /// The status over HTTP, such as 503. Over gRPC it is the code that the
        /// [specification](https://opentelemetry.io/docs/specs/otlp/#failures-1) gives the same meaning:
        /// 429 is `RESOURCE_EXHAUSTED`, 502, 503 and 504 are `UNAVAILABLE`, 400 is `INVALID_ARGUMENT`, 401 is
        /// `UNAUTHENTICATED`, 403 is `PERMISSION_DENIED`, 404 is `UNIMPLEMENTED`, and everything else `UNKNOWN`.
        status: u16,
        /// When to come back: over HTTP the header `Retry-After`, rounded up to seconds, over gRPC a `RetryInfo`.
        retry_after: Option<Duration>,
    },
    /// Takes some of it and says why not the rest
    /// ([partial success](https://opentelemetry.io/docs/specs/otlp/#partial-success-1)). Everything is kept for the test.
    Partial {
        /// Spans, log records or data points that are rejected; 0 makes the message a warning.
        rejected: i64,
        /// For a person.
        message: String,
    },
    /// Takes the request and never answers, until the receiver is dropped.
    Hang,
}

impl Answer {
    /// Whether what was sent is kept for the test.
    pub(super) fn keeps(&self) -> bool {
        matches!(self, Self::Accept | Self::Partial { .. })
    }
}
