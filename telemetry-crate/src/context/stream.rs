//! Streams that are polled in the span in which they were created.
//!
//! The book's decision 26 compares this with `tracing-futures`.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use pin_project_lite::pin_project;
use tracing::Span;

pin_project! {
    /// A stream from [`instrument_stream`], which is polled in its span.
    // `tracing_futures::Instrumented` (0.2.5) loses the stream's `size_hint`, and depends on all of `futures`.
    #[derive(Debug)]
    pub struct InstrumentedStream<S> {
        #[pin]
        inner: S,
        span: Span,
    }
}

/// Wraps a stream so that every poll happens in the span that is current now.
///
/// The poller may be another task, or a server that has already sent the response's head. The
/// stream keeps the span open until it is dropped, not only until its last item.
///
/// ```
/// # use futures_core::Stream;
/// # fn rows() -> impl Stream<Item = u64> { tokio_stream::iter([1, 2]) }
/// # async fn handler() {
/// let rows = firstlight::context::instrument_stream(rows());
/// tokio::spawn(async move {
///     let mut rows = std::pin::pin!(rows);
///     while let Some(_row) = tokio_stream::StreamExt::next(&mut rows).await {}
/// });
/// # }
/// ```
pub fn instrument_stream<S: Stream>(stream: S) -> InstrumentedStream<S> {
    InstrumentedStream {
        inner: stream,
        span: Span::current(),
    }
}

impl<S: Stream> Stream for InstrumentedStream<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        let _entered = this.span.enter();
        this.inner.poll_next(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }
}
