//! The layer, and what its services share.

use std::sync::Arc;

use tower_layer::Layer;

use super::{RemoteParent, metrics::RequestMetrics, service::TelemetryService};

/// Paths that a load balancer or an orchestrator asks every few seconds; in a trace or in a rate they would only be noise.
const PROBES: [&str; 5] = ["/livez", "/readyz", "/healthz", "/health", "/metrics"];

/// Gives every request a span, a measurement, a trace context and one access line.
///
/// Add it once, outermost, with `Router::layer`, after the routes: axum applies a layer to the routes that exist by
/// then. With the feature `axum` the route is the matched path; other routers put a [`Route`](super::Route) into the
/// request's extensions.
///
/// Requests to `/livez`, `/readyz`, `/healthz`, `/health` and `/metrics` make no telemetry;
/// [`exclude`](Self::exclude) adds more.
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
    pub(super) remote_parent: RemoteParent,
    pub(super) metrics: Arc<RequestMetrics>,
}

impl Shared {
    pub(super) fn excludes(&self, path: &str) -> bool {
        self.excluded.iter().any(|excluded| excluded == path)
    }
}

impl TelemetryLayer {
    /// A layer with the defaults.
    #[must_use]
    pub fn new() -> Self {
        let excluded = PROBES.map(str::to_owned).to_vec();
        Self {
            shared: Arc::new(Shared {
                excluded,
                ..Shared::default()
            }),
        }
    }

    /// Requests to exactly this path make no telemetry either.
    #[must_use]
    pub fn exclude(mut self, path: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.shared).excluded.push(path.into());
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
