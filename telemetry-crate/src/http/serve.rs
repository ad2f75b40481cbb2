//! HTTP server for an axum router, with limits for clients and for the shutdown.
//!
//! `accept` accepts connections. `watch` serves one connection, whose socket `io` wraps. `service`
//! passes each request to the router, and `request_body` and `response_body` wrap the bodies.
//! `connection` tracks what the client has to do next, and until when. The book's decision 19 has
//! the reasons why `axum::serve` is not used.

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
use self::{body_limits::LONGEST, limits::Limits, response_body::Streams};
pub(crate) use self::{limits::set_server_limits, metrics::last_rejection};

/// Interval of HTTP/2 pings, and the time in which a ping has to be answered.
const PING: Duration = Duration::from_secs(20);

/// Maximum number of streams that a client may reset before they are served.
///
/// A client that resets more loses its connection, as a defense against CVE-2023-44487.
const MAX_RESET_STREAMS: usize = 20;

/// Smallest header buffer that hyper accepts.
const MIN_HEADER_BYTES: usize = 8 * 1024;

/// Serves `app` on `listener` over HTTP/1.1 and HTTP/2, within limits.
///
/// [`Serve`] lists and sets the limits. This function replaces `axum::serve`, which waits for
/// clients and for the last response without a limit. Requests have axum's
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

/// An HTTP server from [`serve`], which runs when it is awaited.
///
/// | limit | default | beyond it |
/// | --- | --- | --- |
/// | [`header_timeout`](Self::header_timeout) | 10 s | the connection is closed |
/// | [`idle_timeout`](Self::idle_timeout) | 75 s | the connection is closed |
/// | [`body`](Self::body): timeout | 10 s | 408 |
/// | [`body`](Self::body): rate | 500 bytes a second | 408 |
/// | [`body`](Self::body): size | 2 MiB | 413 |
/// | [`body_memory`](Self::body_memory) | 64 MiB | 503 |
/// | [`write_timeout`](Self::write_timeout) | 30 s, 500 bytes a second | the connection is closed; over HTTP/2, the stream |
/// | [`max_requests`](Self::max_requests) | 512 | 503 with `Retry-After` |
/// | [`max_connections`](Self::max_connections) | 900 | further ones wait to be accepted |
/// | [`max_streams`](Self::max_streams) | 100 | the HTTP/2 client waits |
/// | [`max_header_bytes`](Self::max_header_bytes) | 32 KiB | 431 |
/// | [`drain`](Self::drain) | 20 s | open connections are closed |
///
/// An operator can set some of the limits without a new build: `FIRSTLIGHT_HTTP_READ_TIMEOUT`,
/// `FIRSTLIGHT_HTTP_MAX_BODY`, `FIRSTLIGHT_HTTP_MAX_CONNECTIONS`, `FIRSTLIGHT_HTTP_MAX_REQUESTS`
/// and `FIRSTLIGHT_DRAIN_TIMEOUT`. These variables override the program, except for a limit that
/// the program has lifted.
///
/// `serve_limited_total` counts, by limit, the connections and requests that were ended, and how
/// often no connection could be accepted. Over HTTP/1.1 it also counts the heads that are too large
/// or not HTTP. It does not count idle connections and streams that wait. `serve_open_connections`
/// is the number of open connections.
///
/// Requests beyond `max_requests` never reach the router. They have a span, a sample and an access
/// log line without a route.
///
/// The server does not limit the duration of a handler; tower-http's `TimeoutLayer` does. After an
/// upgrade, such as to a WebSocket, only the write timeout and the drain apply to a connection.
#[must_use = "a server runs when it is awaited"]
pub struct Serve {
    listener: TcpListener,
    app: Router,
    limits: Limits,
    shutdown: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Serve {
    /// Shuts down gracefully once `signal` completes.
    ///
    /// The server stops accepting, lets requests in flight end within [`drain`](Self::drain), and
    /// closes the connections that are still open: event streams, WebSockets, stalled clients. One
    /// warning has the number of connections and requests that were cut.
    pub fn with_graceful_shutdown(
        mut self,
        signal: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        self.shutdown = Box::pin(signal);
        self
    }

    /// Sets how long requests in flight may take after the signal; default 20 s.
    ///
    /// By default, the drain delay, the drain and the flush of telemetry together take less than
    /// the 30 s after which Kubernetes kills the process.
    pub fn drain(mut self, drain: Duration) -> Self {
        self.limits.drain = drain;
        self
    }

    /// Sets how long a client may take to send a request's head; default 10 s.
    ///
    /// The time begins with the head's first byte or, for the first request, with the connection.
    /// [`idle_timeout`](Self::idle_timeout) applies instead over HTTP/2, and over HTTP/1.1 to a
    /// partial head that arrived together with the previous request.
    pub fn header_timeout(mut self, timeout: Duration) -> Self {
        self.limits.header_timeout = timeout.min(LONGEST);
        self
    }

    /// Sets how long a connection may be without a request; default 75 s.
    ///
    /// The default is more than the 60 s after which common load balancers close a connection. So a
    /// load balancer never sends a request on a connection that the server is closing.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.limits.idle_timeout = timeout.min(LONGEST);
        self
    }

    /// Sets the limits of each request's body.
    ///
    /// A route may have limits of its own, as [`BodyLimits`] describes.
    pub fn body(mut self, limits: BodyLimits) -> Self {
        self.limits.body = limits;
        self
    }

    /// Sets how many body bytes all requests may have together; default 64 MiB.
    ///
    /// The first 64 KiB of each body are not counted, so that small requests are always served. A
    /// value below the limit of one body is raised to that limit. Bodies of routes with their own
    /// limits are not counted.
    pub fn body_memory(mut self, bytes: usize) -> Self {
        self.limits.body_memory = bytes;
        self
    }

    /// Sets how long a client may keep a response waiting; default 30 s.
    ///
    /// Each 500 bytes that the client accepts offset one second, so a client that accepts a byte
    /// now and then is closed too. An event stream with nothing to send does not count as waiting.
    ///
    /// Clients such as video players pause downloads. A service for them sets the longest pause
    /// here; otherwise such a client is cut, and has to request the rest with a `Range`.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.limits.write_timeout = timeout.min(LONGEST);
        self
    }

    /// Sets the maximum number of requests whose response has not begun.
    ///
    /// The default is 512.
    pub fn max_requests(mut self, requests: usize) -> Self {
        self.limits.max_requests = requests;
        self
    }

    /// Sets the maximum number of open connections, at least 1; default 900.
    ///
    /// The default is below the usual 1,024 file descriptors of a process. Further connections wait
    /// in the kernel's queue.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.limits.max_connections = connections.clamp(1, tokio::sync::Semaphore::MAX_PERMITS);
        self
    }

    /// Sets the maximum number of concurrent requests on one HTTP/2 connection.
    ///
    /// The default is 100.
    pub fn max_streams(mut self, streams: u32) -> Self {
        self.limits.max_streams = streams;
        self
    }

    /// Sets the maximum size of a request's head, at least 8 KiB; default 32 KiB.
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

/// State that all connections share.
struct Server {
    limits: Limits,
    started: Instant,
    app: Router,
    /// Serves requests beyond the limit instead of `app`.
    overload_router: Router,
    connections: auto::Builder<Streams>,
    open: Gauge,
    /// Requests whose response has not begun.
    waiting: AtomicUsize,
    /// Requests whose response has not ended.
    in_flight: AtomicUsize,
    /// Counted bytes of requests' bodies.
    body_memory: AtomicUsize,
}

impl Server {
    fn new(app: Router, limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            app,
            overload_router: service::overload_router(),
            connections: connections(&limits),
            open: metrics::register(),
            waiting: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            body_memory: AtomicUsize::new(0),
            limits,
        })
    }

    /// Milliseconds since the server started, never 0.
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
        // `watch` enforces the timeouts, because hyper's timeout does not distinguish an idle
        // client from a slow client.
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
        // Allows WebSockets over HTTP/2, as `axum::serve` does.
        .enable_connect_protocol();
    builder
}
