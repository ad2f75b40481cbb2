//! The end of a response's body, at which its exchange ends.

use super::{exchange::Exchange, outcome::Outcome};
use crate::unwind::end_on_panic;

/// Follows a response's body, and finishes the exchange at its end.
///
/// Under `http::serve`, that is once the body is sent.
///
/// If it is dropped after the body's first poll and before its end, a client disconnect is recorded, unless a panic or a
/// limit of the server ended the response.
#[derive(Debug)]
pub(crate) struct BodyEnd {
    exchange: Option<Box<Exchange>>,
    /// Bytes left until the known end, after which a server stops polling.
    left: Option<u64>,
    is_polled: bool,
    sent: u64,
}

impl BodyEnd {
    /// Follows a body of this length, as far as it is known.
    ///
    /// `is_over` tells that there is nothing to poll.
    pub(crate) fn new(length: Option<u64>, is_over: bool, exchange: Option<Box<Exchange>>) -> Self {
        let mut end = Self {
            exchange,
            left: length,
            is_polled: false,
            sent: 0,
        };
        // A server doesn't poll a body that it knows to be empty.
        let has_no_body = end
            .exchange
            .as_ref()
            .is_some_and(|exchange| exchange.has_no_body());
        if length == Some(0) || is_over || has_no_body {
            end.finish(Outcome::Answered);
        }
        end
    }

    /// Polls the body, inside the span if the program may generate it meanwhile.
    ///
    /// A body of known size is assumed to be in memory.
    pub(crate) fn poll<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        self.is_polled = true;
        let in_span = self.left.is_none();
        end_on_panic(&mut self.exchange, |exchange| {
            let _entered = exchange
                .filter(|_| in_span)
                .map(|exchange| exchange.span().enter());
            poll()
        })
    }

    /// Records a part of the body, which may be the last one.
    pub(crate) fn part(&mut self, bytes: u64, is_last: bool) {
        self.sent = self.sent.saturating_add(bytes);
        self.left = self.left.map(|left| left.saturating_sub(bytes));
        if self.left == Some(0) || is_last {
            self.end();
        }
    }

    /// Records the end of the body.
    pub(crate) fn end(&mut self) {
        if let Some(exchange) = self.exchange.take() {
            exchange.sent(self.sent);
        }
    }

    /// Records a failure of the body.
    pub(crate) fn fail(&mut self) {
        self.finish(Outcome::BodyError);
    }

    fn finish(&mut self, outcome: Outcome) {
        if let Some(exchange) = self.exchange.take() {
            exchange.finish(outcome);
        }
    }
}

impl Drop for BodyEnd {
    fn drop(&mut self) {
        // If the body was never polled, an outer layer may have replaced the response.
        if let Some(exchange) = self.exchange.take_if(|_| !self.is_polled) {
            exchange.end_unanswered();
        }
    }
}
