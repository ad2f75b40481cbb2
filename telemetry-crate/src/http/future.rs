//! The response future of [`TelemetryService`](super::TelemetryService).

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::{
    body::{ResponseBody, content_length},
    exchange::Exchange,
    outcome::Outcome,
    route::RouteTemplate,
};
use crate::unwind::end_on_panic;

pin_project! {
    /// Response future of [`TelemetryService`](super::TelemetryService).
    ///
    /// If it is dropped before the response is ready, a client disconnect is recorded.
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        exchange: Option<Box<Exchange>>,
        // Route that is passed to an outer telemetry layer.
        route: Option<RouteTemplate>,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(exchange) = this.project().exchange.take() {
                exchange.end_unanswered();
            }
        }
    }
}

impl<F> ResponseFuture<F> {
    pub(super) fn new(inner: F, exchange: Option<Box<Exchange>>) -> Self {
        Self {
            inner,
            exchange,
            route: None,
        }
    }

    /// Creates a future that records nothing itself.
    ///
    /// It is for an excluded request, or for a request inside another layer, to which `route` is
    /// passed.
    pub(super) fn unobserved(inner: F, route: Option<RouteTemplate>) -> Self {
        Self {
            inner,
            exchange: None,
            route,
        }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
{
    type Output = Result<Response<ResponseBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = end_on_panic(this.exchange, |exchange| {
            let _entered = exchange.map(|exchange| exchange.span().enter());
            this.inner.poll(context)
        });
        let mut result = ready!(polled);
        if let (Some(route), Ok(response)) = (this.route.take(), &mut result) {
            route.store_in(response.extensions_mut());
        }
        let exchange = this.exchange.take();
        Poll::Ready(match result {
            Ok(mut response) => {
                let exchange = exchange.map(|exchange| exchange.answered(&mut response));
                let length = content_length(&response);
                Ok(response.map(|body| ResponseBody::new(body, length, exchange)))
            }
            Err(error) => {
                if let Some(exchange) = exchange {
                    exchange.finish(Outcome::ServiceError);
                }
                Err(error)
            }
        })
    }
}
