//! A response that hyper holds: reports whether it was sent completely.
//!
//! hyper takes a body's last frame long before the client has it, if the frame is large or the
//! client does not read. Over HTTP/1.1 the response is sent once the socket is flushed. Over
//! HTTP/2, where each stream has its own window, it is sent once hyper has consumed the frame.

use bytes::{Buf, Bytes};

use super::connection::InFlight;
use crate::http::delivery::Delivery;

/// A response being sent, which counts as lost if it is dropped unwritten.
pub(super) struct Sending {
    delivery: Delivery,
    /// Keeps the request in flight until the response is written.
    request: Option<InFlight>,
}

impl Sending {
    pub(super) fn new(delivery: Delivery, request: Option<InFlight>) -> Self {
        Self { delivery, request }
    }

    /// Lets the connection hold a complete response until it is written.
    pub(super) fn track(self) {
        // If the delivery keeps no exchange, the exchange has already ended.
        if self.delivery.is_kept()
            && let Some(request) = &self.request
        {
            let connection = request.connection().clone();
            connection.track_sending(self);
        }
    }

    pub(super) fn written(self) {
        self.delivery.written();
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.delivery.lost();
    }
}

/// A part of a body. Over HTTP/2, the last part reports when it is sent.
pub(super) struct Piece {
    bytes: Bytes,
    sending: Option<Sending>,
}

impl Piece {
    /// Creates a piece that completes `sending` once it is consumed.
    pub(super) fn new(bytes: Bytes, sending: Option<Sending>) -> Self {
        let mut piece = Self { bytes, sending };
        piece.report_if_consumed();
        piece
    }

    fn report_if_consumed(&mut self) {
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
        self.report_if_consumed();
    }

    fn copy_to_bytes(&mut self, length: usize) -> Bytes {
        let bytes = self.bytes.copy_to_bytes(length);
        self.report_if_consumed();
        bytes
    }
}
