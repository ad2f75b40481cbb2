//! The layer, and what its services share.

use std::sync::Arc;

use http::{Request, uri::PathAndQuery};
use tower_layer::Layer;

use super::{
    ClientAddress, RemoteParent,
    metrics::RequestMetrics,
    probe::is_probe,
    route::{RouteTemplate, whole_path},
    service::TelemetryService,
};

/// Gives every request a span, a measurement, a trace context and one access line.
///
/// Add it once, outermost, with `Router::layer`, after the routes: axum applies a layer to the routes that exist by
/// then. With the feature `axum` the route is the matched path; other routers put a [`Route`](super::Route) into the
/// request's extensions. Inside of another layer of its kind it only names the routes that the outer one does not know, such
/// as those behind `nest_service`: one request is one span and one sample.
///
/// What is outside of it, such as a `CatchPanicLayer` or a `TimeoutLayer`, has the last word on the response. Under
/// [`serve`](super::serve) the layer is told of it. Under another server it takes a request that a time-out ends outside of
/// it for one whose client went away, and knows of a panic, but not of what answered in its place.
///
/// `GET` and `HEAD` of `/livez`, `/readyz`, `/healthz`, `/health` and `/metrics` make no telemetry, whatever stands before
/// these in the path, unless the route has parameters; [`exclude`](Self::exclude) adds more, [`include`](Self::include)
/// takes some back.
///
/// ```
/// use axum::{Router, routing::get};
/// use firstlight::http::TelemetryLayer;
///
/// let app: Router = Router::new()
///     .route("/orders/{id}", get(|| async { "an order" }))
///     .layer(TelemetryLayer::new());
/// ```
#[derive(Debug, Clone)]
pub struct TelemetryLayer {
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Shared {
    excluded: Vec<String>,
    included: Vec<String>,
    pub(super) client_address: ClientAddress,
    pub(super) records_query: bool,
    pub(super) remote_parent: RemoteParent,
    pub(super) metrics: Arc<RequestMetrics>,
}

impl Shared {
    pub(super) fn excludes<B>(&self, request: &Request<B>, route: Option<&RouteTemplate>) -> bool {
        let whole = whole_path(request).map_or("", PathAndQuery::path);
        // A nested router sees the rest of the path.
        let is_in = |list: &[String]| {
            list.iter()
                .any(|path| path == whole || path == request.uri().path())
        };
        is_in(&self.excluded) || is_probe(request.method(), whole, route) && !is_in(&self.included)
    }
}

impl TelemetryLayer {
    /// A layer with the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::default(),
        }
    }

    /// Requests to exactly this path make no telemetry either.
    #[must_use]
    pub fn exclude(mut self, path: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.shared).excluded.push(path.into());
        self
    }

    /// Requests to exactly this path make telemetry, although it looks like a probe's: `/reports/metrics`.
    #[must_use]
    pub fn include(mut self, path: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.shared).included.push(path.into());
        self
    }

    /// Where the span's `client.address` comes from; default [`ClientAddress::Peer`].
    #[must_use]
    pub fn client_address(mut self, client_address: ClientAddress) -> Self {
        Arc::make_mut(&mut self.shared).client_address = client_address;
        self
    }

    /// Makes the query string the span's `url.query`, with `***` in place of values whose names are those of secrets.
    /// Default: it never leaves the process, because it is where credentials and personal data travel.
    #[must_use]
    pub fn record_query(mut self) -> Self {
        Arc::make_mut(&mut self.shared).records_query = true;
        self
    }

    /// What becomes of a trace that a caller has begun; default [`RemoteParent::Continue`].
    #[must_use]
    pub fn remote_parent(mut self, remote_parent: RemoteParent) -> Self {
        Arc::make_mut(&mut self.shared).remote_parent = remote_parent;
        self
    }
}

impl Default for TelemetryLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for TelemetryLayer {
    type Service = TelemetryService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TelemetryService::new(inner, self.shared.clone())
    }
}
