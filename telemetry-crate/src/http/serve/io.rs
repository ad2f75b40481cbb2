//! The socket of a connection: reports progress and can be closed from outside.

use std::{
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Instant,
};

use super::{connection::Connection, pace::Pace};

/// First bytes of the HTTP/2 preface; no usual HTTP/1.1 method begins with them.
const PREFACE: &[u8] = b"PRI";

pub(super) struct Io {
    stream: TcpStream,
    connection: Arc<Connection>,
    /// Number of bytes that matched the preface; `None` once the version is known.
    preface: Option<usize>,
    /// Rate at which the client accepts the response.
    pace: Pace,
    blocked_since: Option<Instant>,
}

impl Io {
    pub(super) fn new(stream: TcpStream, connection: Arc<Connection>) -> Self {
        Self {
            stream,
            connection,
            preface: Some(0),
            pace: Pace::default(),
            blocked_since: None,
        }
    }

    fn received_bytes(&mut self, bytes: &[u8]) {
        if let Some(seen) = self.preface {
            let left = &PREFACE[seen..];
            let new = bytes.len().min(left.len());
            self.preface = (bytes[..new] == left[..new]).then_some(seen + new);
            if self.preface == Some(PREFACE.len()) {
                self.preface = None;
                self.connection.set_http2();
            }
        }
        if !bytes.is_empty() {
            self.connection.received_bytes();
        }
    }

    fn fail_if_cut(&self) -> io::Result<()> {
        if self.connection.is_cut() {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    fn written(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let limits = &self.connection.server.limits;
        match &written {
            Poll::Pending => {
                if self.blocked_since.is_none() {
                    self.blocked_since = Some(Instant::now());
                    self.connection
                        .blocked(self.pace.left(limits.write_timeout));
                }
                self.connection.wakers().write.clone_from(context.waker());
                // The connection may have been cut since the first check.
                self.fail_if_cut()?;
            }
            Poll::Ready(bytes) => {
                let waited = self.blocked_since.take().map(|since| {
                    self.connection.unblocked();
                    since.elapsed()
                });
                let bytes = bytes.as_ref().copied().unwrap_or_default();
                let waited = waited.unwrap_or_default();
                self.pace.moved(bytes, waited, Some(limits.write_rate));
            }
        }
        written
    }
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.fail_if_cut()?;
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_pending() {
            self.connection.wakers().read.clone_from(context.waker());
            // The connection may have been cut since the first check.
            self.fail_if_cut()?;
        } else {
            self.received_bytes(&buffer.filled()[before..]);
        }
        read
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.fail_if_cut()?;
        let written = Pin::new(&mut self.stream).poll_write(context, buffer);
        self.written(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.fail_if_cut()?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.written(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A socket has no buffer of its own. Over HTTP/1.1, hyper calls this once nothing is left
        // to write.
        self.connection.flushed();
        Poll::Ready(Ok(()))
    }

    /// Stops sending, and reads the rest of a body that was refused.
    ///
    /// Closing a socket with unread bytes would reset the connection, and the client might lose the
    /// response.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        if !self.connection.is_lingering() {
            return Poll::Ready(Ok(()));
        }
        let mut bytes = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        self.connection.drop_sending();
        self.connection.closed.notify_one();
    }
}
