//! The server layer.

use std::sync::Arc;

use http::HeaderName;
use tower_layer::Layer;

use super::{
    ClientAddress, RemoteParent, identity::TraceHeader, service::TelemetryService,
    settings::ServerSettings,
};

/// Adds a span, a measurement, trace context and an access log to each request.
///
/// Add it once, outermost, with `Router::layer`, after the routes: axum applies a layer only to the
/// routes added before it. With the feature `axum` the route is the matched path. Other routers
/// insert a [`Route`](super::Route) into the request's extensions. Inside another `TelemetryLayer`
/// it only names the routes that the outer layer does not know, such as those inside
/// `nest_service`: one request is one span and one sample.
///
/// An outer layer, such as `CatchPanicLayer` or `TimeoutLayer`, may replace the response.
/// Under [`serve`](super::serve) the telemetry records the replacement. Under another server, a
/// request that an outer timeout ends is recorded as a client disconnect, and a panic is recorded
/// without the response that replaced it.
///
/// `GET` and `HEAD` requests whose path ends in `/livez`, `/readyz`, `/healthz`, `/health` or
/// `/metrics` produce no telemetry, unless their route has parameters. [`exclude`](Self::exclude)
/// adds paths to this list, [`include`](Self::include) exempts paths from it.
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
    pub(super) shared: Arc<ServerSettings>,
}

impl TelemetryLayer {
    /// Creates a layer with the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::default(),
        }
    }

    /// Excludes requests to exactly this path from telemetry.
    #[must_use]
    pub fn exclude(mut self, path: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.shared).excluded.push(path.into());
        self
    }

    /// Includes requests to exactly this path, although it looks like a probe.
    ///
    /// An example is `/reports/metrics`.
    #[must_use]
    pub fn include(mut self, path: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.shared).included.push(path.into());
        self
    }

    /// Sets the source of `client.address`; default [`ClientAddress::Peer`].
    #[must_use]
    pub fn client_address(mut self, client_address: ClientAddress) -> Self {
        Arc::make_mut(&mut self.shared).client_address = client_address;
        self
    }

    /// Records the query string as the span's `url.query`.
    ///
    /// Values whose names look like those of secrets become `***`. By default the query string is
    /// not recorded, because it carries credentials and personal data.
    #[must_use]
    pub fn record_query(mut self) -> Self {
        Arc::make_mut(&mut self.shared).records_query = true;
        self
    }

    /// Gives each request an id, which the client can quote.
    ///
    /// The id is that of the client's `x-request-id`, if it has 1 to 128 visible ASCII characters, and otherwise the
    /// trace id. The handler finds it in the request's `x-request-id`, and the client in that of the response. It is the
    /// field `request.id` of the span and of each log line of the request.
    ///
    /// By default requests have no ids beside those of their traces, and no headers are added.
    ///
    /// ```
    /// use firstlight::http::TelemetryLayer;
    ///
    /// let layer = TelemetryLayer::new().request_id();
    /// ```
    #[must_use]
    pub fn request_id(mut self) -> Self {
        Arc::make_mut(&mut self.shared).identity.request_id = true;
        self
    }

    /// Returns the trace to the client, as the header `traceresponse`.
    ///
    /// Its value has the form of `traceparent`, with the id of the request's span
    /// ([Trace Context Level 2](https://www.w3.org/TR/trace-context-2/), still a draft). Replaces
    /// [`trace_id_header`](Self::trace_id_header).
    #[must_use]
    pub fn traceresponse(mut self) -> Self {
        Arc::make_mut(&mut self.shared).identity.trace = Some(TraceHeader::Traceresponse);
        self
    }

    /// Returns the trace id to the client, as the header of this name.
    ///
    /// Replaces [`traceresponse`](Self::traceresponse).
    ///
    /// ```
    /// use firstlight::http::TelemetryLayer;
    /// use http::HeaderName;
    ///
    /// let layer = TelemetryLayer::new().trace_id_header(HeaderName::from_static("x-trace-id"));
    /// ```
    #[must_use]
    pub fn trace_id_header(mut self, name: HeaderName) -> Self {
        Arc::make_mut(&mut self.shared).identity.trace = Some(TraceHeader::Id(name));
        self
    }

    /// Sets how a remote parent is treated; default [`RemoteParent::Continue`].
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
