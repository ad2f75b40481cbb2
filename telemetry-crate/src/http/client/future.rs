//! The future of a client's response.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use super::{
    ClientResponse,
    call::{Call, Outcome},
};
use crate::{error_type::error_type, unwind::end_on_panic};

pin_project! {
    /// Response future of [`ClientService`](super::ClientService).
    ///
    /// If it is dropped before the response is ready, a canceled call is recorded.
    #[derive(Debug)]
    pub struct ClientFuture<F> {
        #[pin]
        inner: F,
        call: Option<Call>,
    }
}

impl<F> ClientFuture<F> {
    pub(super) fn new(inner: F, call: Call) -> Self {
        Self {
            inner,
            call: Some(call),
        }
    }
}

impl<F, R, E> Future for ClientFuture<F>
where
    F: Future<Output = Result<R, E>>,
    R: ClientResponse,
    E: 'static,
{
    type Output = Result<R, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = end_on_panic(this.call, |call| {
            let _entered = call.map(|call| call.span().enter());
            this.inner.poll(context)
        });
        let result = ready!(polled);
        if let Some(call) = this.call.take() {
            call.finish(match &result {
                Ok(response) => Outcome::Answered(response.status(), response.version()),
                Err(error) => Outcome::Failed(error_type(error)),
            });
        }
        Poll::Ready(result)
    }
}
