//! The response's body: the call ends where its status is.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::{
    call::Call,
    verdict::{Outcome, Side},
};
use crate::{grpc_code::Code, unwind::watched};

pin_project! {
    /// A body with telemetry around it; made by the services of this module.
    ///
    /// Dropped before its trailers, the call was cancelled, and says so.
    #[derive(Debug)]
    pub struct GrpcBody<B> {
        #[pin]
        inner: B,
        call: Option<Call>,
        // For a body that ends without a status.
        http_status: StatusCode,
    }
}

impl<B: Body> GrpcBody<B> {
    pub(super) fn around(response: Response<B>, mut call: Option<Call>) -> Response<Self> {
        let http_status = response.status();
        // A response that is nothing but trailers has them in its head.
        if let Some(code) = Code::of(response.headers()) {
            finish(&mut call, Outcome::Answered(code));
        } else if response.body().is_end_stream() {
            finish(&mut call, Outcome::Answered(Code::of_http(http_status)));
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
        let polled = watched(this.call, |call| {
            // A server's stream is made by the program as it goes; a client's is polled inside of what reads it.
            let in_span = call.filter(|call| call.side() == Side::Server);
            let _entered = in_span.map(|call| call.span().enter());
            this.inner.as_mut().poll_frame(context)
        });
        let frame = ready!(polled);
        let no_status = Outcome::Answered(Code::of_http(*this.http_status));
        match &frame {
            None => finish(this.call, no_status),
            Some(Err(_)) => finish(this.call, Outcome::Failed("body_error")),
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    finish(
                        this.call,
                        Code::of(trailers).map_or(no_status, Outcome::Answered),
                    );
                } else if let Some(call) = this.call {
                    call.answered();
                    // No further poll will come.
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
