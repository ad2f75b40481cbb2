//! A server for a router, within limits: what a client may take, and how long the end may take.
//!
//! The flow: `accept` takes connections, `watch` serves one of them on `io`, its socket; `service` hands each of its requests to
//! the router, with `request_body` and `response_body` around what goes in and out. `connection` knows what a client owes.

mod accept;
mod body_limits;
mod connection;
mod io;
mod limits;
mod metrics;
mod pace;
mod request_body;
mod response_body;
mod sending;
mod service;
mod watch;

use std::{
    fmt,
    future::{IntoFuture, pending},
    pin::Pin,
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use ::metrics::Gauge;
use axum::Router;
use hyper_util::{rt::TokioTimer, server::conn::auto};
use tokio::{net::TcpListener, time::Instant};

pub use self::body_limits::{BodyLimits, BodyLimitsService};
pub(crate) use self::limits::set_server_limits;
use self::{
    limits::{LONGEST, Limits},
    response_body::Streams,
};

/// How often a connection over HTTP/2 is asked whether its client is there, and how long the answer may take.
const PING: Duration = Duration::from_secs(20);

/// Streams that a client has reset before they were served; more are an attack, and the connection ends (CVE-2023-44487).
const MAX_RESET_STREAMS: usize = 20;

/// Below it, hyper refuses the setting.
const MIN_HEADER_BYTES: usize = 8 * 1024;

/// Serves `app` on `listener` over HTTP/1.1 and HTTP/2, within limits that [`Serve`] lists and sets.
///
/// It takes the place of `axum::serve`, which waits for clients and for the last response for ever. Requests have axum's
/// `ConnectInfo<SocketAddr>` in their extensions.
///
/// ```no_run
/// # async fn run(listener: tokio::net::TcpListener, app: axum::Router) {
/// firstlight::http::serve(listener, app)
///     .with_graceful_shutdown(firstlight::shutdown_signal())
///     .await;
/// # }
/// ```
pub fn serve(listener: TcpListener, app: Router) -> Serve {
    Serve {
        listener,
        app,
        limits: Limits::default(),
        shutdown: Box::pin(pending()),
    }
}

/// A server; made by [`serve`], and runs when it is awaited.
///
/// | limit | default | beyond it |
/// | --- | --- | --- |
/// | [`header_timeout`](Self::header_timeout) | 10 s | the connection is closed |
/// | [`idle_timeout`](Self::idle_timeout) | 75 s | the connection is closed |
/// | [`body`](Self::body): time-out | 10 s | 408 |
/// | [`body`](Self::body): rate | 500 bytes a second | 408 |
/// | [`body`](Self::body): size | 2 MiB | 413 |
/// | [`body_memory`](Self::body_memory) | 64 MiB | 503 |
/// | [`write_timeout`](Self::write_timeout) | 30 s, 500 bytes a second | the connection is closed; over HTTP/2, the stream |
/// | [`max_requests`](Self::max_requests) | 512 | 503 with `Retry-After` |
/// | [`max_connections`](Self::max_connections) | 900 | further ones wait to be accepted |
/// | [`max_streams`](Self::max_streams) | 100 | a client of HTTP/2 waits |
/// | [`max_header_bytes`](Self::max_header_bytes) | 32 KiB | 431 |
/// | [`drain`](Self::drain) | 20 s | what is open is cut |
///
/// Some are an operator's as well, without a new build: `FIRSTLIGHT_HTTP_READ_TIMEOUT`, `FIRSTLIGHT_HTTP_MAX_BODY`,
/// `FIRSTLIGHT_HTTP_MAX_CONNECTIONS`, `FIRSTLIGHT_HTTP_MAX_REQUESTS` and `FIRSTLIGHT_DRAIN_TIMEOUT`. Set, they win, except
/// over a limit that the program has lifted.
///
/// Whatever a limit ends is counted in `serve_limited_total`, and `serve_open_connections` tells how far the
/// connections are from theirs. Requests beyond `max_requests` never reach the router; they have a span, a sample and an
/// access line of their own, without a route.
///
/// How long a handler takes is the handler's, and tower-http's `TimeoutLayer` bounds it. So is a connection after an
/// upgrade, such as a WebSocket: here it has the write time-out, and its end with the drain.
#[must_use = "a server runs when it is awaited"]
pub struct Serve {
    listener: TcpListener,
    app: Router,
    limits: Limits,
    shutdown: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Serve {
    /// Stops accepting once `signal` completes, lets requests in flight end within [`drain`](Self::drain), and closes what
    /// is left: streams of events, WebSockets, clients that stall. One warning counts what was cut.
    pub fn with_graceful_shutdown(
        mut self,
        signal: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        self.shutdown = Box::pin(signal);
        self
    }

    /// How long requests in flight may take after the signal to stop; default 20 s. With the drain delay and the flush of
    /// telemetry it is less than the 30 s after which Kubernetes kills.
    pub fn drain(mut self, drain: Duration) -> Self {
        self.limits.drain = drain;
        self
    }

    /// How long a client may take to send a request's head, from its first byte or, for the first request, from the
    /// beginning of the connection; default 10 s. Over HTTP/2, [`idle_timeout`](Self::idle_timeout) is for that as well, and
    /// over HTTP/1.1 for a part of a head that came together with the request before it.
    pub fn header_timeout(mut self, timeout: Duration) -> Self {
        self.limits.header_timeout = timeout.min(LONGEST);
        self
    }

    /// How long a connection may be without a request; default 75 s, more than the 60 s after which common load balancers
    /// close it, so that no request of theirs meets a connection that is closing.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.limits.idle_timeout = timeout.min(LONGEST);
        self
    }

    /// The limits of each request's body; a route may have its own, see [`BodyLimits`].
    pub fn body(mut self, limits: BodyLimits) -> Self {
        self.limits.body = limits;
        self
    }

    /// The most bytes of bodies that all requests together may have received; default 64 MiB. The first 64 KiB of each
    /// body are free, so that small requests are served all the same. Less than one body may have is taken for that much.
    /// Routes with limits of their own are not counted.
    pub fn body_memory(mut self, bytes: usize) -> Self {
        self.limits.body_memory = bytes;
        self
    }

    /// How long a client may keep a response waiting; default 30 s. Each 500 bytes that it takes make up for a second, so
    /// that one that takes a byte now and then does not stay. A stream of events that has nothing to send does not count.
    ///
    /// A service whose clients pause downloads, as players of videos do, sets the longest pause here. Otherwise such a
    /// client is cut, and asks for the rest with a `Range`.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.limits.write_timeout = timeout.min(LONGEST);
        self
    }

    /// The most requests whose response has not begun; default 512.
    pub fn max_requests(mut self, requests: usize) -> Self {
        self.limits.max_requests = requests;
        self
    }

    /// The most open connections, at least 1; default 900, below the usual 1,024 file descriptors of a process. Further
    /// ones wait in the kernel's queue.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.limits.max_connections = connections.clamp(1, tokio::sync::Semaphore::MAX_PERMITS);
        self
    }

    /// The most concurrent requests of one connection over HTTP/2; default 100.
    pub fn max_streams(mut self, streams: u32) -> Self {
        self.limits.max_streams = streams;
        self
    }

    /// The most bytes of a request's head, at least 8 KiB; default 32 KiB.
    pub fn max_header_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_header_bytes = bytes.max(MIN_HEADER_BYTES);
        self
    }
}

impl fmt::Debug for Serve {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Serve")
            .field("listener", &self.listener)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl IntoFuture for Serve {
    type Output = ();
    type IntoFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(accept::run(self))
    }
}

/// What all connections share.
struct Server {
    limits: Limits,
    started: Instant,
    app: Router,
    /// In place of the app, for requests beyond the limit.
    refusal: Router,
    connections: auto::Builder<Streams>,
    open: Gauge,
    /// Requests whose response has not begun.
    waiting: AtomicUsize,
    /// Requests whose response has not ended.
    in_flight: AtomicUsize,
    /// Bytes of requests' bodies.
    body_memory: AtomicUsize,
}

impl Server {
    fn new(app: Router, limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            app,
            refusal: service::refusal(),
            connections: connections(&limits),
            open: metrics::register(),
            waiting: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            body_memory: AtomicUsize::new(0),
            limits,
        })
    }

    /// Milliseconds, and never 0.
    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).map_or(u64::MAX, |now| now + 1)
    }
}

fn connections(limits: &Limits) -> auto::Builder<Streams> {
    let mut builder = auto::Builder::new(Streams {
        write_timeout: limits.write_timeout,
        write_rate: limits.write_rate,
    });
    builder
        .http1()
        // `watch` has the times, because this one would not tell an idle client from a slow one.
        .header_read_timeout(None)
        .max_buf_size(limits.max_header_bytes);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_concurrent_streams(limits.max_streams)
        .max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(MAX_RESET_STREAMS)
        .max_send_buf_size(response_body::CHUNK)
        // WebSockets over HTTP/2, as `axum::serve` has them.
        .enable_connect_protocol();
    builder
}
