//! HTTP clients: a tower layer that traces and measures calls.
//!
//! It also sends the trace context to the called service.
//!
//! Names follow the semantic conventions for [HTTP client
//! spans](https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span) and
//! metrics (stable). The query string, credentials in the URL, headers and bodies stay in the
//! process.
//!
//! The layer writes no log line per call, because the caller knows what a failure means. It does
//! not retry or follow redirects; inside a layer that does, it records each attempt. A call ends
//! with the response's head, because the body's transfer ends when the program reads it.
//!
//! A call passes through `layer`, `service` (which reads the `request` and starts a `call`) and
//! `future`, which ends the call with the response's head.

mod call;
mod future;
mod hosts;
mod layer;
mod request;
#[cfg(any(feature = "reqwest", feature = "reqwest-012"))]
mod reqwest;
mod service;
mod settings;

#[cfg(any(feature = "reqwest", feature = "reqwest-012"))]
pub use self::reqwest::{ReqwestBuilder, ReqwestCall, ReqwestPolicy};
pub use self::{
    future::ClientFuture,
    layer::ClientLayer,
    request::{ClientRequest, ClientResponse},
    service::ClientService,
};

/// URL template of a request, such as `/orders/{id}`.
///
/// Insert it into the request's extensions, and the span is named `GET /orders/{id}`. Without it
/// the span's name is the method alone, because the path has too many values. The template is not a
/// metric label.
///
/// ```
/// use firstlight::http::UrlTemplate;
///
/// let request = http::Request::get("http://orders.internal/orders/7").extension(UrlTemplate("/orders/{id}"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a newtype that users construct")]
pub struct UrlTemplate(pub &'static str);

/// Number of a retry; `ResendCount(1)` is the first repetition of a request.
///
/// Insert it into the extensions of a request that is sent again for any reason. The span records
/// the number as `http.request.resend_count`.
///
/// ```
/// use firstlight::http::ResendCount;
///
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(ResendCount(1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a newtype that users construct")]
pub struct ResendCount(pub u32);

#[cfg(test)]
mod tests;
