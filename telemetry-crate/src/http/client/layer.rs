//! The layer, and what its services share.

use std::{fmt, sync::Arc};

use tower_layer::Layer;

use super::{hosts::Hosts, service::ClientService};
use crate::{catalog, metrics::Durations};

/// Gives every call to another service a span, a measurement and the trace's context.
///
/// For every tower client of [`http::Request`], and for `reqwest` with the feature of that name. The span and
/// `http_client_request_duration_seconds` end with the response's head: when a program has read the body to its end, if it
/// ever does, says something about the program. A future that is dropped before that is a call with `error.type="cancelled"`.
///
/// Add it *inside* of layers that retry or follow redirects, and every attempt and every hop is a span of its own with its
/// own URL; [`Resend`](super::Resend) numbers the attempts. Outside of them it is one span for all of them together.
///
/// The context (`traceparent`, `tracestate`, `baggage`) goes to every server that is called, because a trace that ends at the
/// first service is of little use. It is no secret, but it is ours: a program that calls strangers says to whom it goes with
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
    pub(super) shared: Arc<Shared>,
}

#[derive(Clone)]
pub(super) struct Shared {
    propagation: Propagation,
    pub(super) hosts: Arc<Hosts>,
    pub(super) durations: Arc<Durations>,
}

#[derive(Clone)]
enum Propagation {
    Everywhere,
    Nowhere,
    Where(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

impl Shared {
    pub(super) fn propagates_to(&self, host: &str) -> bool {
        match &self.propagation {
            Propagation::Everywhere => true,
            Propagation::Nowhere => false,
            Propagation::Where(wanted) => wanted(host),
        }
    }

    /// Whether this host, of all that are called, must not see the context that others do.
    #[cfg(feature = "reqwest")]
    pub(super) fn keeps_from(&self, host: &str) -> bool {
        matches!(&self.propagation, Propagation::Where(wanted) if !wanted(host))
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let propagation = match self.propagation {
            Propagation::Everywhere => "everywhere",
            Propagation::Nowhere => "nowhere",
            Propagation::Where(_) => "by host",
        };
        f.debug_struct("Shared")
            .field("propagation", &propagation)
            .finish_non_exhaustive()
    }
}

impl ClientLayer {
    /// A layer with the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                propagation: Propagation::Everywhere,
                hosts: Arc::default(),
                durations: Arc::new(Durations::new(&catalog::HTTP_CLIENT_REQUEST_DURATION)),
            }),
        }
    }

    /// The context goes only to the hosts for which `wanted` returns true. It is asked for every request, and so for every
    /// hop of a redirect if the layer is inside of what follows it. An IPv6 address is in brackets; a request that names no
    /// host asks with the empty string.
    ///
    /// ```
    /// let layer = firstlight::http::ClientLayer::new().propagate_to(|host| host.ends_with(".internal"));
    /// ```
    #[must_use]
    pub fn propagate_to(mut self, wanted: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.shared).propagation = Propagation::Where(Arc::new(wanted));
        self
    }

    /// The context goes nowhere: for a client of services that are not ours.
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
