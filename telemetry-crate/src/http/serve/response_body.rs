//! The response's body, and the task of an HTTP/2 stream with its write timeout.
//!
//! Over HTTP/1.1 a client that does not read blocks the socket, and `io` notices. An HTTP/2 client
//! can block a single stream: the connection goes on, and hyper holds a frame of the body until the
//! stream's window opens.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Body as AxumBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::rt::Executor;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{
    metrics::Limit,
    pace::Pace,
    sending::{Piece, Sending},
};
use crate::http::cut::{Cut, CutGuard};

/// Maximum bytes of a body that hyper holds for a blocked HTTP/2 stream.
pub(super) const CHUNK: usize = 64 * 1024;

tokio::task_local! {
    static STREAM: Cell<StreamProgress>;
}

/// Progress of the client in accepting the body of a stream.
#[derive(Debug, Clone, Copy)]
struct StreamProgress {
    min_rate: u32,
    pace: Pace,
    /// The time since which hyper holds the current frame, and the frame's bytes.
    ///
    /// `None` while hyper holds no frame.
    held: Option<(Instant, usize)>,
}

impl StreamProgress {
    /// Records that the held frame was sent; called when hyper polls for the next.
    fn frame_taken(&mut self) {
        if let Some((since, bytes)) = self.held.take() {
            self.pace.moved(bytes, since.elapsed(), Some(self.min_rate));
        }
    }

    fn hold(&mut self, frame: &Frame<Bytes>) {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        self.held = Some((Instant::now(), bytes));
    }
}

/// Changes the progress of the current stream; returns `false` outside a stream.
fn in_stream(change: impl FnOnce(&mut StreamProgress)) -> bool {
    let changed = STREAM.try_with(|stream| {
        let mut progress = stream.get();
        change(&mut progress);
        stream.set(progress);
    });
    changed.is_ok()
}

/// The body for hyper, which keeps its request in flight until the body is sent.
pub(super) struct ResponseBody {
    inner: AxumBody,
    /// Rest of a frame that was larger than [`CHUNK`].
    rest: Bytes,
    /// Bytes left until the known end, after which hyper stops polling.
    left: Option<u64>,
    is_over: bool,
    sending: Option<Sending>,
}

impl ResponseBody {
    pub(super) fn new(inner: AxumBody, content_length: Option<u64>, sending: Sending) -> Self {
        Self {
            left: content_length.or_else(|| inner.size_hint().exact()),
            inner,
            rest: Bytes::new(),
            is_over: false,
            sending: Some(sending),
        }
    }

    fn poll_inner(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.rest)))));
        }
        // A propagated panic would end all other responses of an HTTP/2 connection.
        let body = AssertUnwindSafe(|| Pin::new(&mut self.inner).poll_frame(context));
        catch_unwind(body).unwrap_or_else(|_| {
            let error = axum::Error::new("the response's body panicked");
            Poll::Ready(Some(Err(error)))
        })
    }

    /// Splits a frame of an HTTP/2 stream at [`CHUNK`] and keeps the rest.
    fn split_frame(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        match frame.into_data() {
            Ok(mut data) if data.len() > CHUNK => {
                self.rest = data.split_off(CHUNK);
                Frame::data(data)
            }
            Ok(data) => Frame::data(data),
            Err(trailers) => trailers,
        }
    }

    /// Returns whether the body ends with this frame.
    fn ends_with(&mut self, frame: Option<&Frame<Bytes>>) -> bool {
        let Some(frame) = frame else { return true };
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        self.left = self.left.map(|left| left.saturating_sub(bytes));
        self.left == Some(0) || frame.is_trailers() || self.is_end_stream()
    }
}

impl Body for ResponseBody {
    type Data = Piece;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, axum::Error>>> {
        let this = self.get_mut();
        let is_stream = in_stream(StreamProgress::frame_taken);
        let frame = match ready!(this.poll_inner(context)).transpose() {
            Ok(frame) => frame,
            Err(error) => return Poll::Ready(Some(Err(error))),
        };
        let frame = match frame {
            Some(frame) if is_stream => Some(this.split_frame(frame)),
            frame => frame,
        };
        if let Some(frame) = frame.as_ref().filter(|_| is_stream) {
            in_stream(|progress| progress.hold(frame));
        }
        this.is_over |= this.ends_with(frame.as_ref());
        let last = this.sending.take_if(|_| is_stream && this.is_over);
        let Some(frame) = frame else {
            // hyper takes the end once the stream had room for everything before it.
            last.into_iter().for_each(Sending::written);
            return Poll::Ready(None);
        };
        Poll::Ready(Some(Ok(match frame.into_data() {
            Ok(bytes) => Frame::data(Piece::new(bytes, last)),
            Err(frame) => {
                last.into_iter().for_each(Sending::written);
                frame.map_data(|bytes| Piece::new(bytes, None))
            }
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = u64::try_from(self.rest.len()).unwrap_or(u64::MAX);
        let inner = self.inner.size_hint();
        let mut hint = SizeHint::new();
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(inner.lower().saturating_add(rest));
        hint
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        if self.is_over
            && let Some(sending) = self.sending.take()
        {
            sending.track();
        }
    }
}

/// Executor that spawns the streams of HTTP/2 connections.
#[derive(Debug, Clone)]
pub(super) struct Streams {
    pub(super) write_timeout: Duration,
    pub(super) write_rate: u32,
}

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        tokio::spawn(Stream {
            inner: Some(stream),
            write_timeout: self.write_timeout,
            progress: StreamProgress {
                min_rate: self.write_rate,
                pace: Pace::default(),
                held: None,
            },
            deadline: None,
        });
    }
}

pin_project! {
    /// Task of one HTTP/2 stream; it resets the stream at the write timeout.
    struct Stream<F> {
        #[pin]
        inner: Option<F>,
        write_timeout: Duration,
        progress: StreamProgress,
        #[pin]
        deadline: Option<Sleep>,
    }
}

impl<F: Future<Output = ()>> Future for Stream<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Some(stream) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Ready(());
        };
        let (polled, progress) = STREAM.sync_scope(Cell::new(*this.progress), || {
            let polled = stream.poll(context);
            (polled, STREAM.with(Cell::get))
        });
        if polled.is_ready() {
            return Poll::Ready(());
        }
        if progress.held != this.progress.held {
            let left = progress.pace.left(*this.write_timeout);
            let deadline = progress.held.map(|(since, _)| sleep_until(since + left));
            this.deadline.set(deadline);
        }
        *this.progress = progress;
        if let Some(deadline) = this.deadline.as_pin_mut() {
            ready!(deadline.poll(context));
            Limit::WriteTimeout.count();
            let cut_guard = CutGuard::default();
            cut_guard.set(Cut::WriteTimeout);
            // The drop resets the stream.
            this.inner.set(None);
            return Poll::Ready(());
        }
        Poll::Pending
    }
}
