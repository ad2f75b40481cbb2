//! HTTP, in and out: a tower layer for servers ([`TelemetryLayer`]: the span, the metrics, the trace context and the access
//! line) and one for clients ([`ClientLayer`]).
//!
//! Names are the semantic conventions' for HTTP spans and metrics (stable since v1.23). What never leaves the process:
//! the query string, headers and bodies; they are where credentials and personal data travel. The raw path is an
//! attribute of the span and never a label; a route's template is both.
//!
//! The flow in: `layer` → `service` makes an `exchange` → `future` until the head → `body` until its end. The flow out is in
//! `client`.

mod body;
mod client;
mod exchange;
mod future;
mod layer;
mod metrics;
mod protocol;
#[cfg(feature = "axum")]
mod serve;
mod service;
mod verdict;

#[cfg(feature = "reqwest")]
pub use self::client::ReqwestCall;
pub(crate) use self::client::error_type;
pub use self::client::{
    ClientFuture, ClientLayer, ClientRequest, ClientResponse, ClientService, Resend, UrlTemplate,
};
#[cfg(feature = "axum")]
pub(crate) use self::serve::set_server_limits;
#[cfg(feature = "axum")]
pub use self::serve::{BodyLimits, BodyLimitsService, Serve, serve};
pub use self::{
    body::ResponseBody, future::ResponseFuture, layer::TelemetryLayer, service::TelemetryService,
};
pub use crate::traces::RemoteParent;

/// The route template of a request, for a router other than axum's: put it into the request's extensions before
/// [`TelemetryLayer`] sees the request.
///
/// A template such as `/orders/{id}`, never a path: it becomes a label, and each value of a label is a series.
///
/// ```
/// use firstlight::http::Route;
///
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(Route("/orders/{id}"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a name for one string, and made by its users"
)]
pub struct Route(pub &'static str);

/// Writes the current span's context (`traceparent`, `tracestate`, `baggage`) into the headers of an outgoing request,
/// so that the service that is called continues the trace.
///
/// ```
/// let mut request = http::Request::new(());
/// firstlight::http::inject(request.headers_mut());
/// ```
pub fn inject(headers: &mut http::HeaderMap) {
    crate::traces::inject(headers);
}
