//! HTTP servers and clients: tower layers for traces, metrics and access logs.
//!
//! [`TelemetryLayer`] instruments a server, and [`ClientLayer`] instruments a client. Names follow
//! the semantic conventions for HTTP spans and metrics (stable since v1.23).
//!
//! The query string, headers (except `Host` and `User-Agent`) and bodies stay in the process unless
//! the program asks for them, because they carry credentials and personal data. The raw path is an
//! attribute of the span and never a label. The route's template is both.
//!
//! A request passes through `layer`, `service` (which starts an `exchange`), `future` (until the
//! response's head) and `body` (until the response's end). A server reports through `delivery` what
//! the client received. `client` instruments outgoing requests.

#[cfg(feature = "actix")]
mod actix;
mod attributes;
mod body;
mod body_end;
mod client;
mod client_address;
mod cut;
mod delivery;
mod exchange;
mod future;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod identity;
mod layer;
mod metrics;
mod outcome;
mod probe;
#[cfg(feature = "axum")]
mod problem;
mod protocol;
mod route;
#[cfg(feature = "axum")]
mod serve;
mod service;
mod settings;
mod wiring;

#[cfg(feature = "actix")]
pub use self::actix::{ActixBody, ActixFuture, ActixService};
pub use self::client::{
    ClientFuture, ClientLayer, ClientRequest, ClientResponse, ClientService, ResendCount,
    UrlTemplate,
};
#[cfg(any(feature = "reqwest", feature = "reqwest-012"))]
pub use self::client::{ReqwestBuilder, ReqwestCall, ReqwestPolicy};
#[cfg(feature = "axum")]
pub use self::problem::problem_details;
#[cfg(feature = "axum")]
pub use self::serve::{BodyLimits, BodyLimitsService, Serve, serve};
#[cfg(feature = "axum")]
pub(crate) use self::serve::{last_rejection, set_server_limits};
pub use self::{
    body::ResponseBody, client_address::ClientAddress, future::ResponseFuture,
    layer::TelemetryLayer, route::Route, service::TelemetryService,
};
pub(crate) use self::{
    cut::is_cut_by_drain, delivery::mark_observed, protocol::set_known_methods, wiring::wiring,
};
pub use crate::config::RemoteParent;

/// Without a server of its own, firstlight rejects no request.
#[cfg(not(feature = "axum"))]
pub(crate) fn last_rejection() -> Option<u64> {
    None
}

/// Writes the current span's context into the headers of an outgoing request.
///
/// The headers are `traceparent`, `tracestate` and `baggage`. The called service continues the
/// trace.
///
/// ```
/// let mut request = http::Request::new(());
/// firstlight::http::inject(request.headers_mut());
/// ```
pub fn inject(headers: &mut http::HeaderMap) {
    crate::traces::inject(headers);
}
