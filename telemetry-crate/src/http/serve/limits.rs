//! The limits of a server, and their defaults.

use std::{sync::OnceLock, time::Duration};

use super::BodyLimits;
use crate::{config::ServerLimits, shutdown};

/// For a head, whose bytes a client has at hand: ten seconds are several retransmissions on a bad line.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// More than the 60 s after which common load balancers close an idle connection, so that theirs is the side that closes.
/// The other way round, a request may meet a connection that the server is closing.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// The longest time-out: added to the present, a longer one may be beyond what a clock has.
pub(super) const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Several retransmissions on a bad line.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes a second that a client has to take, as it has to send them; below it, the write time-out goes by.
const WRITE_RATE: u32 = super::body_limits::MIN_RATE;

/// Below the usual 1,024 file descriptors together with a database's pool; a load balancer needs a fraction.
const MAX_CONNECTIONS: usize = 900;

/// At 50 ms each this is 10,000 requests a second. Requests beyond it would wait for longer than their clients.
const MAX_REQUESTS: usize = 512;

/// With what 512 small bodies take, less than half of the 256 MiB that a container is commonly given.
const BODY_MEMORY: usize = 64 * 1024 * 1024;

/// The least that RFC 9113, section 6.5.2, recommends.
const MAX_STREAMS: u32 = 100;

/// What nginx takes: four buffers of 8 KiB.
const MAX_HEADER_BYTES: usize = 32 * 1024;

/// The operator's, once telemetry has started.
static OPERATORS: OnceLock<ServerLimits> = OnceLock::new();

pub(crate) fn set_server_limits(limits: ServerLimits) {
    // An error means that they are set, as every start of telemetry but the first finds it.
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
            drain: shutdown::DRAIN,
        }
    }
}

impl Limits {
    /// What holds for a server that begins now.
    pub(super) fn effective(self) -> Self {
        let limits = match OPERATORS.get() {
            Some(operators) => self.under(operators),
            None => self,
        };
        Self {
            drain: shutdown::operators_drain().unwrap_or(limits.drain),
            // The largest body fits in, whatever else has been set.
            body_memory: limits
                .body_memory
                .max(limits.body.max_bytes.unwrap_or_default()),
            ..limits
        }
    }

    fn under(mut self, operators: &ServerLimits) -> Self {
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
        let limits = Limits::default().under(&OPERATORS);
        assert_eq!(limits.header_timeout, Duration::from_secs(3));
        assert_eq!(limits.body.timeout, Some(Duration::from_secs(3)));
        assert_eq!(limits.body.max_bytes, Some(70));
        assert_eq!(limits.max_connections, 80);
        assert_eq!(limits.max_requests, 90);
    }

    #[test]
    fn what_the_program_lifted_stays_lifted() {
        let lifted = Limits {
            body: BodyLimits::unlimited(),
            ..Limits::default()
        };
        let limits = lifted.under(&OPERATORS);
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
        let limits = Limits::default().under(&operators);
        assert_eq!(limits.header_timeout, LONGEST);
        let body = BodyLimits::new().timeout(Duration::MAX);
        assert_eq!(body.timeout, Some(LONGEST));
    }
}
