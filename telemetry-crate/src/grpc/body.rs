//! The response's body: ends the call with the status in its trailers.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::{
    call::Call,
    classification::{Outcome, Side},
};
use crate::{grpc_code::Code, unwind::end_on_panic};

pin_project! {
    /// Response body of the services of this module.
    ///
    /// If it is dropped before the trailers, a canceled call is recorded.
    #[derive(Debug)]
    pub struct GrpcBody<B> {
        #[pin]
        inner: B,
        call: Option<Call>,
        // Determines the gRPC status if the body ends without one.
        http_status: StatusCode,
    }
}

impl<B: Body> GrpcBody<B> {
    pub(super) fn wrap(response: Response<B>, mut call: Option<Call>) -> Response<Self> {
        let http_status = response.status();
        // A response without a body has its trailers in the head.
        if let Some(code) = Code::from_headers(response.headers()) {
            finish(&mut call, Outcome::Answered(code));
        } else if response.body().is_end_stream() {
            finish(&mut call, Outcome::Answered(Code::from_http(http_status)));
        }
        response.map(|inner| Self {
            inner,
            call,
            http_status,
        })
    }
}

fn finish(call: &mut Option<Call>, outcome: Outcome) {
    if let Some(call) = call.take() {
        call.finish(outcome);
    }
}

impl<B: Body> Body for GrpcBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        let polled = end_on_panic(this.call, |call| {
            // On a server, the program generates the stream during the poll. On a client, the poll
            // happens inside the reader's own span.
            let in_span = call.filter(|call| call.side() == Side::Server);
            let _entered = in_span.map(|call| call.span().enter());
            this.inner.as_mut().poll_frame(context)
        });
        let frame = ready!(polled);
        let no_status = Outcome::Answered(Code::from_http(*this.http_status));
        match &frame {
            None => finish(this.call, no_status),
            Some(Err(_)) => finish(this.call, Outcome::Failed("body_error")),
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    finish(
                        this.call,
                        Code::from_headers(trailers).map_or(no_status, Outcome::Answered),
                    );
                } else if let Some(call) = this.call {
                    call.answered();
                    // After its last frame, the body is not polled again.
                    if this.inner.is_end_stream() {
                        finish(this.call, no_status);
                    }
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
