//! The response's body, which finishes the exchange at its end or once it is sent.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use http::{Response, header::CONTENT_LENGTH};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::{exchange::Exchange, outcome::Outcome};
use crate::unwind::end_on_panic;

pin_project! {
    /// Response body of [`TelemetryService`](super::TelemetryService).
    ///
    /// If it is dropped after its first poll and before its end, a client disconnect is recorded,
    /// unless a panic or a limit of the server ended the response.
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        #[pin]
        inner: B,
        exchange: Option<Exchange>,
        // Bytes left until the known end, after which a server stops polling.
        left: Option<u64>,
        is_polled: bool,
        sent: u64,
    }

    impl<B> PinnedDrop for ResponseBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            // If the body was never polled, an outer layer may have replaced the response.
            if let Some(exchange) = this.exchange.take_if(|_| !*this.is_polled) {
                exchange.end_unanswered();
            }
        }
    }
}

impl<B: Body> ResponseBody<B> {
    pub(super) fn new(
        inner: B,
        content_length: Option<u64>,
        mut exchange: Option<Exchange>,
    ) -> Self {
        let left = content_length.or_else(|| inner.size_hint().exact());
        // A server doesn't poll a body that it knows to be empty.
        if left == Some(0)
            || inner.is_end_stream()
            || exchange.as_ref().is_some_and(Exchange::has_no_body)
        {
            finish(&mut exchange, Outcome::Answered);
        }
        Self {
            inner,
            exchange,
            left,
            is_polled: false,
            sent: 0,
        }
    }
}

/// Returns the response's `content-length`.
pub(super) fn content_length<B>(response: &Response<B>) -> Option<u64> {
    let length = response.headers().get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

fn finish(exchange: &mut Option<Exchange>, outcome: Outcome) {
    if let Some(exchange) = exchange.take() {
        exchange.finish(outcome);
    }
}

fn end(exchange: &mut Option<Exchange>, sent: u64) {
    if let Some(exchange) = exchange.take() {
        exchange.sent(sent);
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        *this.is_polled = true;
        // A body of known size is assumed to be in memory. The program may generate any other body
        // during the poll, so the span is entered.
        let in_span = this.left.is_none();
        let polled = end_on_panic(this.exchange, |exchange| {
            let _entered = exchange
                .filter(|_| in_span)
                .map(|exchange| exchange.span().enter());
            this.inner.as_mut().poll_frame(context)
        });
        let frame = ready!(polled);
        match &frame {
            None => end(this.exchange, *this.sent),
            Some(Err(_)) => finish(this.exchange, Outcome::BodyError),
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, |data| data.remaining() as u64);
                *this.sent = this.sent.saturating_add(bytes);
                *this.left = this.left.map(|left| left.saturating_sub(bytes));
                // Trailers end a body (RFC 9110, section 6.5), and servers do not poll after them.
                let is_end = frame.is_trailers() || this.inner.is_end_stream();
                if *this.left == Some(0) || is_end {
                    end(this.exchange, *this.sent);
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
