//! The limits of a server and their defaults.

use std::{sync::OnceLock, time::Duration};

use super::{BodyLimits, body_limits::LONGEST};
use crate::{config::ServerLimits, shutdown};

/// Default time for a request's head, long enough for several retransmissions.
///
/// A client has all bytes of the head at once, so it needs no more time.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Default time without a request.
///
/// It is more than the 60 s after which common load balancers close an idle connection. So the load
/// balancer closes first, and no request arrives on a connection that the server is closing.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// Default write timeout, long enough for several retransmissions.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Minimum rate in bytes a second at which a client has to accept a response.
///
/// It is the same as for a request's body. A slower client uses up the write timeout.
const WRITE_RATE: u32 = super::body_limits::MIN_RATE;

/// Default limit of open connections.
///
/// It leaves room for a database's pool below the usual 1,024 file descriptors. A load balancer
/// needs only a fraction of it.
const MAX_CONNECTIONS: usize = 900;

/// Default limit of concurrent requests: at 50 ms each, 10,000 a second.
///
/// Requests beyond it would wait longer than their clients do.
const MAX_REQUESTS: usize = 512;

/// Default limit in bytes of the memory that all request bodies share.
///
/// The first 64 KiB of each body are not counted. For 512 bodies they add up to 32 MiB more. The sum
/// is less than half of a common 256 MiB container.
const BODY_MEMORY: usize = 64 * 1024 * 1024;

/// Default HTTP/2 streams, the minimum that RFC 9113, section 6.5.2, recommends.
const MAX_STREAMS: u32 = 100;

/// Default size in bytes of a request's head: four buffers of 8 KiB, as in nginx.
const MAX_HEADER_BYTES: usize = 32 * 1024;

/// The operator's limits, set when telemetry starts.
static OPERATORS: OnceLock<ServerLimits> = OnceLock::new();

pub(crate) fn set_server_limits(limits: ServerLimits) {
    // An error means that an earlier start of telemetry has set them.
    let _ = OPERATORS.set(limits);
}

#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub(super) header_timeout: Duration,
    pub(super) idle_timeout: Duration,
    pub(super) write_timeout: Duration,
    pub(super) write_rate: u32,
    pub(super) body: BodyLimits,
    pub(super) body_memory: usize,
    pub(super) max_connections: usize,
    pub(super) max_requests: usize,
    pub(super) max_streams: u32,
    pub(super) max_header_bytes: usize,
    pub(super) drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_timeout: HEADER_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            write_timeout: WRITE_TIMEOUT,
            write_rate: WRITE_RATE,
            body: BodyLimits::new(),
            body_memory: BODY_MEMORY,
            max_connections: MAX_CONNECTIONS,
            max_requests: MAX_REQUESTS,
            max_streams: MAX_STREAMS,
            max_header_bytes: MAX_HEADER_BYTES,
            drain: shutdown::DEFAULT_DRAIN,
        }
    }
}

impl Limits {
    /// Returns these limits, overridden by those that the operator has set.
    pub(super) fn effective(self) -> Self {
        let limits = match OPERATORS.get() {
            Some(operators) => self.overridden_by(operators),
            None => self,
        };
        Self {
            drain: shutdown::operators_drain().unwrap_or(limits.drain),
            // The largest body always fits, whatever else is set.
            body_memory: limits
                .body_memory
                .max(limits.body.max_bytes.unwrap_or_default()),
            ..limits
        }
    }

    fn overridden_by(mut self, operators: &ServerLimits) -> Self {
        if let Some(timeout) = operators.read_timeout {
            let timeout = timeout.min(LONGEST);
            self.header_timeout = timeout;
            self.body.timeout = self.body.timeout.map(|_| timeout);
        }
        if let Some(bytes) = operators.max_body {
            self.body.max_bytes = self.body.max_bytes.map(|_| bytes);
        }
        if let Some(connections) = operators.max_connections {
            self.max_connections = connections.min(tokio::sync::Semaphore::MAX_PERMITS);
        }
        if let Some(requests) = operators.max_requests {
            self.max_requests = requests;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LONGEST, Limits};
    use crate::{config::ServerLimits, http::BodyLimits};

    const OPERATORS: ServerLimits = ServerLimits {
        read_timeout: Some(Duration::from_secs(3)),
        max_body: Some(70),
        max_connections: Some(80),
        max_requests: Some(90),
    };

    #[test]
    fn operators_win_over_the_program() {
        let limits = Limits::default().overridden_by(&OPERATORS);
        assert_eq!(limits.header_timeout, Duration::from_secs(3));
        assert_eq!(limits.body.timeout, Some(Duration::from_secs(3)));
        assert_eq!(limits.body.max_bytes, Some(70));
        assert_eq!(limits.max_connections, 80);
        assert_eq!(limits.max_requests, 90);
    }

    #[test]
    fn lifted_limits_stay_lifted() {
        let lifted = Limits {
            body: BodyLimits::unlimited(),
            ..Limits::default()
        };
        let limits = lifted.overridden_by(&OPERATORS);
        assert_eq!((limits.body.timeout, limits.body.max_bytes), (None, None));
    }

    #[test]
    fn largest_body_fits_into_the_memory() {
        let limits = Limits {
            body: BodyLimits::new().max_bytes(1 << 30),
            ..Limits::default()
        };
        assert_eq!(limits.effective().body_memory, 1 << 30);
    }

    #[test]
    fn longest_timeout_has_an_end() {
        let operators = ServerLimits {
            read_timeout: Some(Duration::MAX),
            ..ServerLimits::default()
        };
        let limits = Limits::default().overridden_by(&operators);
        assert_eq!(limits.header_timeout, LONGEST);
        let body = BodyLimits::new().timeout(Duration::MAX);
        assert_eq!(body.timeout, Some(LONGEST));
    }
}
