//! What a request's body may take, for a server and for a route of its own.

use std::{
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::extract::DefaultBodyLimit;
use http::Request;
use tower_layer::Layer;
use tower_service::Service;

use super::limits::LONGEST;

/// What axum's extractors take by default.
const MAX_BYTES: usize = 2 * 1024 * 1024;

/// Without a byte: several retransmissions on a bad line.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes a second; a modem is ten times as fast.
pub(super) const MIN_RATE: u32 = 500;

/// Limits of a request's body: of all routes with [`Serve::body`](super::Serve::body), of one as a layer around it.
///
/// A body that is larger is answered with 413, one that is too slow with 408. Handlers that read the body themselves get
/// an error from it, and if they answer with an error, its status becomes the same.
///
/// A route that takes large or slow uploads has limits of its own. They replace the server's, and those of axum's
/// `DefaultBodyLimit`. Such a route is outside [`Serve::body_memory`](super::Serve::body_memory), so its handler writes
/// the body away as it comes, rather than collect it.
///
/// ```
/// use std::time::Duration;
///
/// use axum::{Router, body::Body, routing::put};
/// use firstlight::http::BodyLimits;
///
/// async fn upload(body: Body) { /* to a file, frame by frame */ }
///
/// let large = BodyLimits::new()
///     .max_bytes(4 << 30)
///     .timeout(Duration::from_secs(60))
///     .min_rate(None);
/// let app: Router = Router::new().route("/videos/{id}", put(upload).layer(large));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    pub(super) max_bytes: Option<usize>,
    pub(super) timeout: Option<Duration>,
    pub(super) min_rate: Option<u32>,
    /// Whether the body counts in the memory that all of them share.
    pub(super) shared: bool,
}

impl BodyLimits {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            max_bytes: Some(MAX_BYTES),
            timeout: Some(TIMEOUT),
            min_rate: Some(MIN_RATE),
            shared: true,
        }
    }

    /// No limits, for bodies that are streams without an end, as gRPC's are.
    #[must_use]
    pub fn unlimited() -> Self {
        Self {
            max_bytes: None,
            timeout: None,
            min_rate: None,
            shared: true,
        }
    }

    /// The most bytes; default 2 MiB, which is axum's as well. `None` lifts the limit.
    #[must_use]
    pub fn max_bytes(mut self, bytes: impl Into<Option<usize>>) -> Self {
        self.max_bytes = bytes.into();
        self
    }

    /// How long a handler may wait for the next bytes; default 10 s. `None` lifts the limit, and that of the rate.
    #[must_use]
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = timeout.into().map(|timeout| timeout.min(LONGEST));
        self
    }

    /// The fewest bytes a second while the handler waits; default 500. A client may fall behind it by `timeout` in all, so
    /// that one that sends a byte now and then does not stay, whatever it has sent before. `None` lifts the limit.
    #[must_use]
    pub fn min_rate(mut self, bytes_per_second: impl Into<Option<u32>>) -> Self {
        self.min_rate = bytes_per_second.into().filter(|rate| *rate > 0);
        self
    }

    /// axum's own limit, which is of extractors alone.
    pub(super) fn of_extractors(self) -> DefaultBodyLimit {
        match self.max_bytes {
            Some(bytes) => DefaultBodyLimit::max(bytes),
            None => DefaultBodyLimit::disable(),
        }
    }
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self::new()
    }
}

/// The limits of one request's body, in its extensions until a route has replaced them. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Current(Arc<Mutex<BodyLimits>>);

impl Current {
    pub(super) fn new(limits: BodyLimits) -> Self {
        Self(Arc::new(Mutex::new(limits)))
    }

    pub(super) fn get(&self) -> BodyLimits {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, limits: BodyLimits) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = limits;
    }
}

impl<S> Layer<S> for BodyLimits {
    type Service = BodyLimitsService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BodyLimitsService {
            inner,
            limits: Self {
                shared: false,
                ..*self
            },
        }
    }
}

/// A service whose requests have limits of their own; made by [`BodyLimits`].
#[derive(Debug, Clone)]
pub struct BodyLimitsService<S> {
    inner: S,
    limits: BodyLimits,
}

impl<S, B> Service<Request<B>> for BodyLimitsService<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if let Some(current) = request.extensions().get::<Current>() {
            current.set(self.limits);
        }
        self.limits.of_extractors().apply(&mut request);
        self.inner.call(request)
    }
}
