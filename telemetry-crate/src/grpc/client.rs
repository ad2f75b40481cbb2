//! The client layer and its service.

use std::{
    error::Error,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::{
    body::GrpcBody,
    call::{Call, Common},
    classification::Side,
    deadline::deadline,
    future::ClientFuture,
    method::{self, Methods, OTHER},
};
use crate::{catalog, grpc_code::is_grpc, metrics::Durations, traces::SPAN_LEVEL};

/// Adds a client span, a measurement and trace context to each call.
///
/// Wrap a channel in it, and pass the result to the generated client. The span and
/// `rpc_client_call_duration_seconds` end with the status, which is in the trailers or in the head.
/// A stream is measured to its end. Every status but `OK` is an error of the span. A call or a
/// stream that is dropped before its end is recorded as `CANCELLED` with `error.type="cancelled"`,
/// and not as an error. A call that gets no status is recorded without one, and with the reason as
/// its `error.type`, such as `connection_refused`.
///
/// The context (`traceparent`, `tracestate`, `baggage`) is sent in the metadata, unless
/// [`without_propagation`](Self::without_propagation) is set.
///
/// The error of the service is boxed, as for most tower services. A generated client accepts it.
#[derive(Debug, Clone)]
pub struct ClientLayer {
    server: Option<(String, u16)>,
    propagation: bool,
}

impl ClientLayer {
    /// Creates a layer with the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            server: None,
            propagation: true,
        }
    }

    /// Sets the attributes and labels `server.address` and `server.port`.
    ///
    /// `address` is a name or an IP address. By default the labels are missing, because a channel
    /// adds the server to a request after the layer has seen it.
    #[must_use]
    pub fn server(mut self, address: impl Into<String>, port: u16) -> Self {
        self.server = Some((address.into(), port));
        self
    }

    /// Sends no context, for calls to third-party services.
    #[must_use]
    pub fn without_propagation(mut self) -> Self {
        self.propagation = false;
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
        ClientService {
            inner,
            propagation: self.propagation,
            common: Arc::new(Common {
                side: Side::Client,
                methods: Methods::default(),
                durations: Durations::new(&catalog::RPC_CLIENT_CALL_DURATION),
                server: self.server.clone(),
            }),
        }
    }
}

/// A channel with telemetry, returned by [`ClientLayer`].
#[derive(Debug, Clone)]
pub struct ClientService<S> {
    inner: S,
    propagation: bool,
    common: Arc<Common>,
}

impl<S, B, R> Service<Request<B>> for ClientService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    R: Body,
{
    type Response = Response<GrpcBody<R>>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = ClientFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if !is_grpc(request.headers()) {
            return ClientFuture::new(self.inner.call(request), None);
        }
        let name = method::from_path(request.uri().path()).unwrap_or(OTHER);
        let span = tracing::span!(
            target: "firstlight::grpc::client",
            SPAN_LEVEL,
            "call",
            otel.kind = "client",
            rpc.method = name,
        );
        let deadline = deadline(request.headers());
        let mut call = Call::new(span.clone(), name, deadline, &self.common);
        let future = {
            let _entered = span.enter();
            call.describe(None);
            if self.propagation {
                crate::traces::inject(request.headers_mut());
            }
            self.inner.call(request)
        };
        ClientFuture::new(future, Some(call))
    }
}
