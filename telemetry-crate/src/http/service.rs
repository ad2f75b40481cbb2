//! The service: decides whether a request is observed, and starts its exchange.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{
    body::ResponseBody, exchange::Exchange, future::ResponseFuture, layer::Shared, verdict::Verdict,
};

/// A service with telemetry around it; made by [`TelemetryLayer`](super::TelemetryLayer).
#[derive(Debug, Clone)]
pub struct TelemetryService<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> TelemetryService<S> {
    pub(super) fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }
}

impl<S, B, R> Service<Request<B>> for TelemetryService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if self.shared.excludes(request.uri().path()) {
            return ResponseFuture::new(self.inner.call(request), None, None);
        }
        let verdict = request.extensions().get::<Verdict>().cloned();
        let exchange = Exchange::start(&request, &self.shared);
        // A handler does work before its first await, too.
        let future = {
            let _entered = exchange.span().enter();
            exchange.describe();
            self.inner.call(request)
        };
        ResponseFuture::new(future, Some(exchange), verdict)
    }
}
