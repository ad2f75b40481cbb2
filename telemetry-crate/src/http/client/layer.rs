//! The client layer.

use std::sync::Arc;

use tower_layer::Layer;

use super::{
    service::ClientService,
    settings::{ClientSettings, Propagation},
};
use crate::{catalog, metrics::Durations};

/// Adds a span, a measurement and trace context to each call of an HTTP client.
///
/// It wraps every tower client of [`http::Request`], and `reqwest` with the feature of that name.
/// The span and `http_client_request_duration_seconds` end with the response's head, because the
/// time at which the program has read the body depends on the program. A future that is dropped
/// earlier is a call with `error.type="cancelled"`.
///
/// Inside a layer that retries or follows redirects, every attempt and every hop has its own span
/// with its own URL. [`ResendCount`](super::ResendCount) numbers the attempts. Outside such a layer, one span
/// covers all of them.
///
/// The context (`traceparent`, `tracestate`, `baggage`) is sent to every server that is called,
/// because a trace that ends at the first service is of little use. It is not secret, but it is
/// internal: a program that calls third parties limits it with
/// [`propagate_to`](Self::propagate_to).
///
/// ```
/// use bytes::Bytes;
/// use firstlight::http::ClientLayer;
/// use http_body_util::Empty;
/// use hyper_util::{client::legacy::Client, rt::TokioExecutor};
/// use tower::{Layer, Service, ServiceExt};
///
/// # async fn call() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
/// let mut client = ClientLayer::new().layer(client);
///
/// let request = http::Request::get("http://orders.internal/orders/7").body(Empty::new())?;
/// let response = client.ready().await?.call(request).await?;
/// # drop(response);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ClientLayer {
    pub(super) shared: Arc<ClientSettings>,
}

impl ClientLayer {
    /// Creates a layer with the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::new(ClientSettings {
                propagation: Propagation::Everywhere,
                hosts: Arc::default(),
                durations: Arc::new(Durations::new(&catalog::HTTP_CLIENT_REQUEST_DURATION)),
            }),
        }
    }

    /// Sends the context only to hosts for which `wanted` returns true.
    ///
    /// `wanted` is called for every request, and also for every redirect if a layer outside this
    /// layer follows redirects. An IPv6 address is in brackets. The host is empty for a request
    /// that names no host.
    ///
    /// ```
    /// let layer = firstlight::http::ClientLayer::new().propagate_to(|host| host.ends_with(".internal"));
    /// ```
    #[must_use]
    pub fn propagate_to(mut self, wanted: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.shared).propagation = Propagation::Where(Arc::new(wanted));
        self
    }

    /// Sends no context, for clients of third-party services.
    #[must_use]
    pub fn without_propagation(mut self) -> Self {
        Arc::make_mut(&mut self.shared).propagation = Propagation::Nowhere;
        self
    }
}

impl Default for ClientLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = ClientService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ClientService::new(inner, Arc::clone(&self.shared))
    }
}
