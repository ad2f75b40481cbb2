//! The future of an instrumented call, which is polled inside the call's span.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tracing::Span;

use super::{call::Call, failure::Failure};

pin_project! {
    /// A future and the call that it is, from its first poll to its end.
    #[derive(Debug)]
    pub(crate) struct CallFuture<F> {
        // `None` once it is dropped.
        #[pin]
        future: Option<F>,
        open: Option<Open>,
    }

    impl<F> PinnedDrop for CallFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // A canceled call is dropped inside its span, so that the span ends now, and not at its last poll, and has
            // the event of sqlx that this causes.
            if let Some(open) = this.open.as_ref() {
                open.call.dropped();
                open.span.in_scope(|| this.future.set(None));
            }
        }
    }
}

/// The call between its first poll and its end.
#[derive(Debug)]
struct Open {
    call: Arc<Call>,
    span: Span,
}

impl<F> CallFuture<F> {
    pub(crate) fn new(future: F) -> Self {
        Self {
            future: Some(future),
            open: None,
        }
    }

    /// Polls the future in the span of the call, which starts at the first poll.
    ///
    /// `failure` classifies the error; `None` means that it is not a failure.
    pub(crate) fn poll_call<T, E>(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        start: impl FnOnce() -> (Arc<Call>, Span),
        failure: impl FnOnce(&E) -> Option<Failure>,
    ) -> Poll<Result<T, E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        let this = self.project();
        let Some(future) = this.future.as_pin_mut() else {
            return Poll::Pending;
        };
        let open = this.open.get_or_insert_with(|| {
            let (call, span) = start();
            Open { call, span }
        });
        let result = ready!(open.span.in_scope(|| future.poll(context)));
        open.call.warn_if_slow(&open.span);
        open.call.end(result.as_ref().err().and_then(failure));
        *this.open = None;
        Poll::Ready(result)
    }
}
