//! The server's service: decides whether a request is observed.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{
    body::ResponseBody, delivery::mark_observed, exchange::Exchange, future::ResponseFuture,
    route::RouteTemplate, settings::ServerSettings, wiring,
};
use crate::unwind::end_on_panic;

/// Marks a request that a layer has seen; stored in the request's extensions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observed;

/// A service with telemetry from a [`TelemetryLayer`](super::TelemetryLayer).
#[derive(Debug, Clone)]
pub struct TelemetryService<S> {
    inner: S,
    shared: Arc<ServerSettings>,
}

impl<S> TelemetryService<S> {
    pub(super) fn new(inner: S, shared: Arc<ServerSettings>) -> Self {
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

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let route = RouteTemplate::of_request(request.extensions());
        if request.extensions_mut().insert(Observed).is_some() {
            wiring::record_nested();
            return ResponseFuture::unobserved(self.inner.call(request), route);
        }
        mark_observed(request.extensions());
        if self.shared.excludes(&request, route.as_ref()) {
            return ResponseFuture::unobserved(self.inner.call(request), None);
        }
        wiring::record_request(route.is_some());
        let mut exchange = Some(Exchange::start(&request, route, &self.shared));
        // Work before the first await belongs to the span, too.
        let inner = end_on_panic(&mut exchange, |exchange| {
            let _entered = exchange.map(|exchange| exchange.span().enter());
            if let Some(exchange) = exchange {
                exchange.describe(&mut request);
            }
            self.inner.call(request)
        });
        ResponseFuture::new(inner, exchange)
    }
}
