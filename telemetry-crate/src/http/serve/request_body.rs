//! The request's body, with its limits enforced.

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{
    body_limits::Current,
    connection::{Busy, Connection},
    metrics::Limit,
    pace::Pace,
};
use crate::http::delivery::Delivery;

/// Bytes of each body that are not counted toward the shared memory.
///
/// So small requests are served even while large ones fill the memory.
const FREE_BYTES: usize = 64 * 1024;

/// Reason for which a body failed before its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the request's body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the request's body did not arrive in time")]
    TimedOut,
    #[error("too many request bodies are being received; try again later")]
    NoMemory,
    #[error(transparent)]
    Connection(#[from] hyper::Error),
}

pin_project! {
    pub(super) struct RequestBody {
        inner: Incoming,
        limits: Current,
        delivery: Delivery,
        received: usize,
        // Counted bytes in the memory that all bodies share.
        shared: SharedMemory,
        // Deadline for the next bytes, while a handler waits for them.
        #[pin]
        wait: Option<Sleep>,
        // Start of the handler's wait for the next bytes. Only such waits count against the client.
        waiting_since: Option<Instant>,
        pace: Pace,
        failed: bool,
        // Tells the connection on drop whether the client still sends a part of this body.
        unread: Unread,
        _busy: Busy,
    }
}

impl RequestBody {
    pub(super) fn new(
        inner: Incoming,
        limits: Current,
        delivery: Delivery,
        connection: &Arc<Connection>,
    ) -> Self {
        Self {
            inner,
            limits,
            delivery,
            received: 0,
            shared: SharedMemory {
                bytes: 0,
                connection: connection.clone(),
            },
            wait: None,
            waiting_since: None,
            pace: Pace::default(),
            failed: false,
            unread: Unread {
                at_end: false,
                connection: connection.clone(),
            },
            _busy: Busy::new(connection.clone()),
        }
    }
}

/// Bytes of one body in the shared memory, released on drop.
struct SharedMemory {
    bytes: usize,
    connection: Arc<Connection>,
}

impl SharedMemory {
    /// Counts `bytes` for this body in all; returns `false` if the memory is full.
    fn grow_to(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let server = &self.connection.server;
        let before = server.body_memory.fetch_add(more, Ordering::Relaxed);
        self.bytes += more;
        more == 0 || before + more <= server.limits.body_memory
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        let memory = &self.connection.server.body_memory;
        memory.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Tells the connection on drop whether a part of the body is unread.
struct Unread {
    at_end: bool,
    connection: Arc<Connection>,
}

impl Drop for Unread {
    fn drop(&mut self) {
        if !self.at_end {
            self.connection.set_unread();
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut this = self.project();
        if *this.failed {
            return Poll::Ready(None);
        }
        let limits = this.limits.get();
        let mut fail = |error: BodyError, status, limit: Limit| {
            *this.failed = true;
            this.delivery.reject(status);
            limit.count();
            Poll::Ready(Some(Err(error)))
        };
        let too_large = |limit| BodyError::TooLarge { limit };
        // Checked before the first byte: a client that waits for `100 Continue` then sends none.
        let announced = usize::try_from(this.inner.size_hint().lower()).unwrap_or(usize::MAX);
        let announced = this.received.saturating_add(announced);
        if let Some(max) = limits.max_bytes.filter(|max| announced > *max) {
            return fail(
                too_large(max),
                StatusCode::PAYLOAD_TOO_LARGE,
                Limit::BodySize,
            );
        }
        match Pin::new(&mut *this.inner).poll_frame(context) {
            Poll::Pending => {
                let Some(timeout) = limits.timeout else {
                    return Poll::Pending;
                };
                if this.wait.is_none() {
                    let now = Instant::now();
                    *this.waiting_since = Some(now);
                    this.wait
                        .set(Some(sleep_until(now + this.pace.left(timeout))));
                }
                match this.wait.as_pin_mut().map(|wait| wait.poll(context)) {
                    Some(Poll::Ready(())) => fail(
                        BodyError::TimedOut,
                        StatusCode::REQUEST_TIMEOUT,
                        Limit::BodyTimeout,
                    ),
                    _ => Poll::Pending,
                }
            }
            Poll::Ready(Some(Ok(frame))) => {
                this.wait.set(None);
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                let waited = this.waiting_since.take().map(|since| since.elapsed());
                this.pace
                    .moved(bytes, waited.unwrap_or_default(), limits.min_rate);
                *this.received += bytes;
                let received = *this.received;
                if let Some(max) = limits.max_bytes.filter(|max| received > *max) {
                    return fail(
                        too_large(max),
                        StatusCode::PAYLOAD_TOO_LARGE,
                        Limit::BodySize,
                    );
                }
                let beyond = received.saturating_sub(FREE_BYTES);
                if limits.shared && !this.shared.grow_to(beyond) {
                    return fail(
                        BodyError::NoMemory,
                        StatusCode::SERVICE_UNAVAILABLE,
                        Limit::BodyMemory,
                    );
                }
                this.unread.at_end = this.inner.is_end_stream();
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(end) => {
                this.unread.at_end = true;
                Poll::Ready(end.map(|end| end.map_err(BodyError::Connection)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.failed || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
