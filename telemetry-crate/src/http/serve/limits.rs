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

/// What the kernel buffers is behind this: a client that takes nothing for so long reads nothing at all.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

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
