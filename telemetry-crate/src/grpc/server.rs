//! Calls that are served.

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
    deadline::deadline,
    future::ServerFuture,
    method::{self, Methods, OTHER},
    verdict::Side,
};
use crate::{
    catalog,
    grpc_code::is_grpc,
    http::see,
    metrics::Durations,
    traces::{GRPC_TARGET, Remote, SPAN_LEVEL},
};

/// The service that an orchestrator asks every few seconds: noise in a trace and in a rate.
const HEALTH: &str = "/grpc.health.v1.Health/";

/// Gives every call that is served a span of kind SERVER, a measurement, its caller's trace context and one access line.
///
/// Add it with `Server::layer`, before the services. The span is called by the method (`shop.Orders/Get`) and ends with the
/// status, in the trailers or in the head, as does `rpc_server_call_duration_seconds`; a stream is measured to its end. The
/// span's status is an error for `UNKNOWN`, `DEADLINE_EXCEEDED`, `UNIMPLEMENTED`, `INTERNAL`, `UNAVAILABLE` and `DATA_LOSS`,
/// for a panic and for a body that broke off; the other codes say that the caller was wrong. A client that goes away leaves
/// `CANCELLED` with `error.type="cancelled"`, or `DEADLINE_EXCEEDED` if its own deadline had passed.
///
/// A method that the service does not have is `_OTHER`. Since a layer is not told which there are, one counts as known once
/// an answer could only have come from it; [`methods`](Self::methods) lists them instead.
///
/// Calls of `grpc.health.v1.Health` make no telemetry, and neither does what is not gRPC.
#[derive(Debug, Clone)]
pub struct ServerLayer {
    common: Arc<Common>,
    remote_parent: RemoteParent,
}

impl ServerLayer {
    /// A layer with the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Methods::default())
    }

    fn with(methods: Methods) -> Self {
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

    /// These are all methods that there are, each as `package.Service/Method`; any other is `_OTHER`. By default the layer
    /// learns them from the answers.
    ///
    /// ```
    /// let layer = firstlight::grpc::ServerLayer::new().methods(["shop.Orders/Get", "shop.Orders/Watch"]);
    /// ```
    #[must_use]
    pub fn methods<M: Into<String>>(self, methods: impl IntoIterator<Item = M>) -> Self {
        let listed = Methods::listed(methods.into_iter().map(Into::into));
        Self {
            remote_parent: self.remote_parent,
            ..Self::with(listed)
        }
    }

    /// What becomes of a trace that a caller has begun; default [`RemoteParent::Continue`].
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

/// In the extensions of a request that a layer has seen: one inside of another measures nothing.
#[derive(Debug, Clone, Copy)]
struct Seen;

/// A service with telemetry around it; made by [`ServerLayer`].
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
        see(request.extensions());
        let is_seen = request.extensions_mut().insert(Seen).is_some();
        let path = request.uri().path();
        if is_seen || !is_grpc(request.headers()) || path.starts_with(HEALTH) {
            return ServerFuture::new(self.inner.call(request), None);
        }
        let name = method::of_path(path).unwrap_or(OTHER);
        let Remote { context, link } = Remote::of(request.headers(), self.layer.remote_parent);
        let span = {
            // A span takes the current context as its parent.
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
