//! The server layer and its service.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::{
    RemoteParent,
    body::GrpcBody,
    call::{Call, Common},
    classification::Side,
    deadline::deadline,
    future::ServerFuture,
    method::{self, Methods, OTHER},
};
use crate::{
    catalog,
    grpc_code::is_grpc,
    http::mark_observed,
    metrics::Durations,
    traces::{GRPC_TARGET, Remote, SPAN_LEVEL},
};

/// Path prefix of the health service, which orchestrators call repeatedly.
///
/// They call it every few seconds, which would only be noise in traces and rates.
const HEALTH: &str = "/grpc.health.v1.Health/";

/// Adds a server span, a measurement, trace context and a log line to each call.
///
/// Add it with `Server::layer`, before the services. The span is named after the method
/// (`shop.Orders/Get`). The span and `rpc_server_call_duration_seconds` end with the status, which
/// is in the trailers or in the head. A stream is measured to its end.
///
/// The span's status is an error for `UNKNOWN`, `DEADLINE_EXCEEDED`, `UNIMPLEMENTED`, `INTERNAL`,
/// `UNAVAILABLE` and `DATA_LOSS`, for a panic and for a body that fails. The other codes are errors
/// of the caller. A client that disconnects is recorded as `CANCELLED` with
/// `error.type="cancelled"`, or as `DEADLINE_EXCEEDED` if its deadline has passed.
///
/// A method that the service does not have is recorded as `_OTHER`. A layer cannot ask the server
/// for its methods. So a method counts as known after its first message, or its first status that
/// no layer for authentication, load shedding or routing sends, such as `OK`.
/// [`methods`](Self::methods) lists the methods instead.
///
/// Calls of `grpc.health.v1.Health` and requests other than gRPC produce no telemetry.
#[derive(Debug, Clone)]
pub struct ServerLayer {
    common: Arc<Common>,
    remote_parent: RemoteParent,
}

impl ServerLayer {
    /// Creates a layer with the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::with_methods(Methods::default())
    }

    fn with_methods(methods: Methods) -> Self {
        Self {
            common: Arc::new(Common {
                side: Side::Server,
                methods,
                durations: Durations::new(&catalog::RPC_SERVER_CALL_DURATION),
                server: None,
            }),
            remote_parent: RemoteParent::default(),
        }
    }

    /// Lists all methods of the server, each as `package.Service/Method`.
    ///
    /// Any other method is recorded as `_OTHER`. By default the layer learns the methods from their
    /// responses.
    ///
    /// ```
    /// let layer = firstlight::grpc::ServerLayer::new().methods(["shop.Orders/Get", "shop.Orders/Watch"]);
    /// ```
    #[must_use]
    pub fn methods<M: Into<String>>(self, methods: impl IntoIterator<Item = M>) -> Self {
        let listed = Methods::listed(methods.into_iter().map(Into::into));
        Self {
            remote_parent: self.remote_parent,
            ..Self::with_methods(listed)
        }
    }

    /// Sets how a remote parent is treated; default [`RemoteParent::Continue`].
    #[must_use]
    pub fn remote_parent(mut self, remote_parent: RemoteParent) -> Self {
        self.remote_parent = remote_parent;
        self
    }
}

impl Default for ServerLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = ServerService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ServerService {
            inner,
            layer: self.clone(),
        }
    }
}

/// Marks a request that a layer has seen, so that an inner layer ignores it.
#[derive(Debug, Clone, Copy)]
struct Observed;

/// A service with telemetry, returned by [`ServerLayer`].
#[derive(Debug, Clone)]
pub struct ServerService<S> {
    inner: S,
    layer: ServerLayer,
}

impl<S, B, R> Service<Request<B>> for ServerService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body,
{
    type Response = Response<GrpcBody<R>>;
    type Error = S::Error;
    type Future = ServerFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        mark_observed(request.extensions());
        let is_observed = request.extensions_mut().insert(Observed).is_some();
        let path = request.uri().path();
        if is_observed || !is_grpc(request.headers()) || path.starts_with(HEALTH) {
            return ServerFuture::new(self.inner.call(request), None);
        }
        let name = method::from_path(path).unwrap_or(OTHER);
        let Remote { context, link } = Remote::extract(request.headers(), self.layer.remote_parent);
        let span = {
            // A new span takes the current context as its parent.
            let _remote = context.attach();
            tracing::span!(
                target: GRPC_TARGET,
                SPAN_LEVEL,
                "call",
                otel.kind = "server",
                rpc.method = name,
            )
        };
        let deadline = deadline(request.headers());
        let mut call = Call::new(span.clone(), name, deadline, &self.layer.common);
        let future = {
            let _entered = span.enter();
            call.describe(link.as_ref());
            self.inner.call(request)
        };
        ServerFuture::new(future, Some(call))
    }
}
