//! Counters of reached limits, and the gauge of open connections.

use std::{
    error::Error,
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

use metrics::{Counter, Gauge};

use crate::{catalog, proto::nanos};

/// When a request last exceeded the limit of requests.
///
/// Nanoseconds since the epoch; 0 if none has.
static LAST_REJECTION: AtomicU64 = AtomicU64::new(0);

/// When a request was last rejected because too many others were open.
pub(crate) fn last_rejection() -> Option<u64> {
    Some(LAST_REJECTION.load(Ordering::Relaxed)).filter(|time| *time > 0)
}

/// A limit of the server, as `serve_limited_total` labels it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    Accept,
    BodyMemory,
    BodySize,
    BodyTimeout,
    Connections,
    Drain,
    /// A head, or a request line, of more bytes than allowed.
    HeaderSize,
    HeaderTimeout,
    /// A head that is not HTTP.
    InvalidHead,
    Requests,
    WriteTimeout,
}

impl Limit {
    const ALL: [Self; 11] = [
        Self::Accept,
        Self::BodyMemory,
        Self::BodySize,
        Self::BodyTimeout,
        Self::Connections,
        Self::Drain,
        Self::HeaderSize,
        Self::HeaderTimeout,
        Self::InvalidHead,
        Self::Requests,
        Self::WriteTimeout,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::BodyMemory => "body_memory",
            Self::BodySize => "body_size",
            Self::BodyTimeout => "body_timeout",
            Self::Connections => "connections",
            Self::Drain => "drain",
            Self::HeaderSize => "header_size",
            Self::HeaderTimeout => "header_timeout",
            Self::InvalidHead => "invalid_head",
            Self::Requests => "requests",
            Self::WriteTimeout => "write_timeout",
        }
    }

    /// Returns the limit for which hyper itself has answered a request's head.
    ///
    /// hyper answers with 431, 414 or 400. Other errors come from a client that has disconnected.
    pub(super) fn of_rejected_head(error: &(dyn Error + 'static)) -> Option<Self> {
        let error = error.downcast_ref::<hyper::Error>()?;
        if error.is_parse_too_large() {
            Some(Self::HeaderSize)
        } else if error.is_parse() {
            Some(Self::InvalidHead)
        } else {
            None
        }
    }

    fn counter(self) -> Counter {
        metrics::counter!(catalog::SERVE_LIMITED.name, "limit" => self.as_str())
    }

    pub(super) fn count(self) {
        if self == Self::Requests {
            LAST_REJECTION.store(nanos(SystemTime::now()), Ordering::Relaxed);
        }
        self.count_by(1);
    }

    pub(super) fn count_by(self, times: usize) {
        self.counter()
            .increment(u64::try_from(times).unwrap_or(u64::MAX));
    }
}

/// Registers all series at 0 and returns the gauge of open connections.
///
/// With a 0 first, the first increase of each series is visible to `rate`.
pub(super) fn register() -> Gauge {
    for limit in Limit::ALL {
        limit.counter().increment(0);
    }
    metrics::gauge!(catalog::SERVE_OPEN_CONNECTIONS.name)
}
