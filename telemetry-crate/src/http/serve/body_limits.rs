//! Limits of a request's body, for a server or for a single route.

use std::{
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::extract::DefaultBodyLimit;
use http::Request;
use tower_layer::Layer;
use tower_service::Service;

/// Longest timeout; a longer one may overflow the clock.
pub(super) const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Default maximum size in bytes, the same as that of axum's extractors.
const MAX_BYTES: usize = 2 * 1024 * 1024;

/// Default time without a byte, long enough for several retransmissions.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Default minimum rate in bytes a second, about a tenth of a modem's rate.
pub(super) const MIN_RATE: u32 = 500;

/// Limits of a request's body.
///
/// [`Serve::body`](super::Serve::body) sets them for all routes. As a layer, they apply to one
/// route.
///
/// A body that is too large is answered with 413, and a body that is too slow with 408. A handler
/// that reads the body itself gets an error from the body. If the handler then answers with an
/// error status, the status becomes 413 or 408 as well.
///
/// A route that accepts large or slow uploads has its own limits. They replace those of the server
/// and of axum's `DefaultBodyLimit`. Such a body does not count toward
/// [`Serve::body_memory`](super::Serve::body_memory), so its handler should write it away as it
/// arrives and not collect it.
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
    /// Whether the body counts toward the memory that all bodies share.
    pub(super) shared: bool,
}

impl BodyLimits {
    /// Creates limits with the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            max_bytes: Some(MAX_BYTES),
            timeout: Some(TIMEOUT),
            min_rate: Some(MIN_RATE),
            shared: true,
        }
    }

    /// Lifts all limits, for endless streams such as those of gRPC.
    ///
    /// The received bytes do not count toward [`Serve::body_memory`](super::Serve::body_memory),
    /// which would end a long stream.
    #[must_use]
    pub fn unlimited() -> Self {
        Self {
            max_bytes: None,
            timeout: None,
            min_rate: None,
            shared: false,
        }
    }

    /// Sets the maximum size in bytes; `None` lifts the limit.
    ///
    /// The default is 2 MiB, like axum's.
    #[must_use]
    pub fn max_bytes(mut self, bytes: impl Into<Option<usize>>) -> Self {
        self.max_bytes = bytes.into();
        self
    }

    /// Sets how long a handler may wait for the next bytes; default 10 s.
    ///
    /// `None` lifts this limit and the minimum rate.
    #[must_use]
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = timeout.into().map(|timeout| timeout.min(LONGEST));
        self
    }

    /// Sets the minimum rate in bytes a second while a handler waits; default 500.
    ///
    /// A client is refused once it is `timeout` behind this rate. Faster bytes reduce the delay,
    /// but earn no time for later. So a client that sends a byte now and then is refused, however
    /// much it has sent before. `None` lifts the limit.
    #[must_use]
    pub fn min_rate(mut self, bytes_per_second: impl Into<Option<u32>>) -> Self {
        self.min_rate = bytes_per_second.into().filter(|rate| *rate > 0);
        self
    }

    /// Returns axum's own limit, which applies only to extractors.
    pub(super) fn extractor_limit(self) -> DefaultBodyLimit {
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

/// The current limits of one request's body, kept in the request's extensions.
///
/// A route may replace them. Clones share the same limits.
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

/// A service with its own body limits, returned by the layer [`BodyLimits`].
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
        self.limits.extractor_limit().apply(&mut request);
        self.inner.call(request)
    }
}
