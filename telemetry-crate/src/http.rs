//! HTTP, in and out: a tower layer for servers ([`TelemetryLayer`]: the span, the metrics, the trace context and the access
//! line) and one for clients ([`ClientLayer`]).
//!
//! Names are the semantic conventions' for HTTP spans and metrics (stable since v1.23). What never leaves the process unless
//! the program says so: the query string, headers (but for `Host` and `User-Agent`) and bodies; they are where credentials and
//! personal data travel. The raw path is an attribute of the span and never a label; a route's template is both.
//!
//! The flow in: `layer` → `service` makes an `exchange` → `future` until the head → `body` until its end. `arrival` is what a
//! server tells of the request. The flow out is in `client`.

mod arrival;
mod attributes;
mod body;
mod client;
mod client_address;
mod cut;
mod exchange;
mod future;
mod layer;
mod metrics;
mod probe;
#[cfg(feature = "axum")]
mod problem;
mod protocol;
mod route;
#[cfg(feature = "axum")]
mod serve;
mod service;
mod wiring;

#[cfg(feature = "reqwest")]
pub use self::client::ReqwestCall;
pub use self::client::{
    ClientFuture, ClientLayer, ClientRequest, ClientResponse, ClientService, Resend, UrlTemplate,
};
#[cfg(feature = "axum")]
pub use self::problem::problem_details;
#[cfg(feature = "axum")]
pub(crate) use self::serve::set_server_limits;
#[cfg(feature = "axum")]
pub use self::serve::{BodyLimits, BodyLimitsService, Serve, serve};
pub(crate) use self::{
    arrival::see, cut::is_cut_by_the_drain, protocol::set_known_methods, wiring::wiring,
};
pub use self::{
    body::ResponseBody, client_address::ClientAddress, future::ResponseFuture,
    layer::TelemetryLayer, route::Route, service::TelemetryService,
};
pub use crate::config::RemoteParent;

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
