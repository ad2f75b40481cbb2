//! The response's body, which finishes the exchange at its end or once it is sent.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use http::{Response, header::CONTENT_LENGTH};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::{body_end::BodyEnd, exchange::Exchange};

pin_project! {
    /// Response body of [`TelemetryService`](super::TelemetryService).
    ///
    /// If it is dropped after its first poll and before its end, a client disconnect is recorded,
    /// unless a panic or a limit of the server ended the response.
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        #[pin]
        inner: B,
        end: BodyEnd,
    }
}

impl<B: Body> ResponseBody<B> {
    pub(super) fn new(
        inner: B,
        content_length: Option<u64>,
        exchange: Option<Box<Exchange>>,
    ) -> Self {
        let length = content_length.or_else(|| inner.size_hint().exact());
        let end = BodyEnd::new(length, inner.is_end_stream(), exchange);
        Self { inner, end }
    }
}

/// Returns the response's `content-length`.
pub(super) fn content_length<B>(response: &Response<B>) -> Option<u64> {
    let length = response.headers().get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        let polled = this.end.poll(|| this.inner.as_mut().poll_frame(context));
        let frame = ready!(polled);
        match &frame {
            None => this.end.end(),
            Some(Err(_)) => this.end.fail(),
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, |data| data.remaining() as u64);
                // Trailers end a body (RFC 9110, section 6.5), and servers do not poll after them.
                let is_last = frame.is_trailers() || this.inner.is_end_stream();
                this.end.part(bytes, is_last);
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
