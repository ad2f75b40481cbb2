//! HTTP clients: a tower layer that makes every call a span and a measurement, and carries the trace to who is called.
//!
//! Names are the semantic conventions' for
//! [HTTP client spans](https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span) and metrics (stable).
//! What never leaves the process: the query string, credentials in the URL, headers and bodies. What is left out: a log line
//! per call (the caller knows what a failure means, and logs that), retries and redirects (well-kept layers do those; this
//! one shows each attempt), and the body's transfer, which ends when the program has read it and not when the call is done.
//!
//! The flow: `layer` → `service` reads the `request` and starts a `call` → `future` until the head ends it.

mod call;
mod future;
mod hosts;
mod layer;
mod request;
#[cfg(feature = "reqwest")]
mod reqwest;
mod service;

#[cfg(feature = "reqwest")]
pub use self::reqwest::ReqwestCall;
pub use self::{
    future::ClientFuture,
    layer::ClientLayer,
    request::{ClientRequest, ClientResponse},
    service::ClientService,
};

/// The template of a request's URL, such as `/orders/{id}`: put it into the request's extensions, and the span is called
/// `GET /orders/{id}`.
///
/// Without it the span's name is the method alone, because a path has as many values as there are orders. It is no label.
///
/// ```
/// use firstlight::http::UrlTemplate;
///
/// let request = http::Request::get("http://orders.internal/orders/7").extension(UrlTemplate("/orders/{id}"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a name for one string, and made by its users"
)]
pub struct UrlTemplate(pub &'static str);

/// Which attempt a request is: `Resend(1)` is the first that repeats another. Put it into the extensions of a request that is
/// sent again, whatever the reason, and its span says so (`http.request.resend_count`).
///
/// ```
/// use firstlight::http::Resend;
///
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(Resend(1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a name for one number, and made by its users"
)]
pub struct Resend(pub u32);

#[cfg(test)]
mod tests;
