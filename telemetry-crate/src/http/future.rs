//! The future of a response's head.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Response, header};
use http_body::Body;
use pin_project_lite::pin_project;

use super::{
    body::ResponseBody,
    exchange::{Exchange, Outcome},
    verdict::Verdict,
};

pin_project! {
    /// Resolves to the response; made by [`TelemetryService`](super::TelemetryService).
    ///
    /// Dropped before that, the client went away, and the exchange says so.
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        exchange: Option<Exchange>,
        verdict: Option<Verdict>,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) fn new(inner: F, exchange: Option<Exchange>, verdict: Option<Verdict>) -> Self {
        Self {
            inner,
            exchange,
            verdict,
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
        let result = {
            let _entered = this
                .exchange
                .as_ref()
                .map(|exchange| exchange.span().enter());
            ready!(this.inner.poll(context))
        };
        let exchange = this.exchange.take();
        Poll::Ready(match result {
            Ok(mut response) => {
                if let Some(verdict) = this.verdict {
                    verdict.apply(&mut response);
                }
                let exchange = exchange.map(|exchange| exchange.answered(response.status()));
                let length = response.headers().get(header::CONTENT_LENGTH);
                let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
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
