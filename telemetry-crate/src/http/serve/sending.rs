//! A response between hyper and the client: whether it has left, whole.
//!
//! hyper takes a body's last frame long before the client has it, if the frame is large or the client does not read. Over
//! HTTP/1.1 all of it has left once the socket is flushed; over HTTP/2, where each stream has a window of its own, once hyper has
//! consumed the frame.

use bytes::{Buf, Bytes};

use super::connection::InFlight;
use crate::http::arrival::Arrival;

/// Dropped before it is written, the client does not get it.
pub(super) struct Sending {
    arrival: Arrival,
    /// Until then.
    request: Option<InFlight>,
}

impl Sending {
    pub(super) fn new(arrival: Arrival, request: Option<InFlight>) -> Self {
        Self { arrival, request }
    }

    /// Hands over what hyper has whole, and may have to write.
    pub(super) fn go(self) {
        // Otherwise it has ended already.
        if self.arrival.is_held()
            && let Some(request) = &self.request
        {
            let connection = request.connection().clone();
            connection.send(self);
        }
    }

    pub(super) fn written(self) {
        self.arrival.written();
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.arrival.lost();
    }
}

/// A part of a body. The last one knows, over HTTP/2, when it has left.
pub(super) struct Piece {
    bytes: Bytes,
    sending: Option<Sending>,
}

impl Piece {
    /// What ends with `sending`.
    pub(super) fn new(bytes: Bytes, sending: Option<Sending>) -> Self {
        let mut piece = Self { bytes, sending };
        piece.consumed();
        piece
    }

    fn consumed(&mut self) {
        if self.bytes.is_empty()
            && let Some(sending) = self.sending.take()
        {
            sending.written();
        }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.consumed();
    }

    fn copy_to_bytes(&mut self, length: usize) -> Bytes {
        let bytes = self.bytes.copy_to_bytes(length);
        self.consumed();
        bytes
    }
}
