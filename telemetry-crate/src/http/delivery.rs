//! State of one request that the server and the telemetry layer share.
//!
//! Only the server knows what the client received in the end, because layers outside the telemetry
//! layer may still replace the response.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU16, Ordering},
};

use http::{Extensions, HeaderValue, Response, StatusCode, header::RETRY_AFTER};

use super::exchange::Exchange;
#[cfg(feature = "axum")]
use super::outcome::Outcome;

/// Shared state in the extensions of each request of [`serve`](super::serve).
///
/// Clones share the same state. An [`Exchange`] that is dropped here is still recorded, usually as
/// a client disconnect.
#[derive(Debug, Clone, Default)]
pub(super) struct Delivery(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// Status that describes the failure of the request's body, 0 without a failure.
    rejection: AtomicU16,
    is_observed: AtomicBool,
    is_answered: AtomicBool,
    /// Exchange whose service has no response, or whose response was dropped unread.
    ///
    /// An outer layer may still answer.
    unanswered: Mutex<Option<Box<Exchange>>>,
    /// Exchange whose response body has ended, and is perhaps not sent yet.
    sent: Mutex<Option<Box<Exchange>>>,
}

/// Marks the request as seen by a telemetry layer.
pub(crate) fn mark_observed(extensions: &Extensions) {
    if let Some(Delivery(state)) = extensions.get() {
        state.is_observed.store(true, Ordering::Relaxed);
    }
}

impl Delivery {
    /// Keeps an exchange that sends no response, because an outer layer may answer.
    ///
    /// If the server already has a response, the exchange is dropped instead, because that response
    /// was abandoned, usually by a client that disconnected.
    pub(super) fn keep_unanswered(&self, exchange: Box<Exchange>) {
        if !self.0.is_answered.load(Ordering::Relaxed) {
            *self.unanswered() = Some(exchange);
        }
    }

    /// Keeps an exchange until the server has sent the whole response body.
    pub(super) fn keep_until_sent(&self, exchange: Box<Exchange>) {
        *self.sent() = Some(exchange);
    }

    fn sent(&self) -> MutexGuard<'_, Option<Box<Exchange>>> {
        self.0.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the status of an error response by that of the request body's failure.
    ///
    /// An extractor only knows that the request's body failed, and answers 400. A success is kept:
    /// its handler has dealt with the failure.
    pub(super) fn apply_rejection<B>(&self, response: &mut Response<B>) {
        let status = response.status();
        if (status.is_client_error() || status.is_server_error())
            && let Ok(cause) = StatusCode::from_u16(self.0.rejection.load(Ordering::Relaxed))
        {
            *response.status_mut() = cause;
            if cause == StatusCode::SERVICE_UNAVAILABLE {
                let retry_after = HeaderValue::from_static("1");
                response.headers_mut().insert(RETRY_AFTER, retry_after);
            }
        }
    }

    fn unanswered(&self) -> MutexGuard<'_, Option<Box<Exchange>>> {
        self.0
            .unanswered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(feature = "axum")]
impl Delivery {
    /// Records the status for a request's body that exceeded a limit.
    pub(super) fn reject(&self, status: StatusCode) {
        self.0.rejection.store(status.as_u16(), Ordering::Relaxed);
    }

    pub(super) fn is_observed(&self) -> bool {
        self.0.is_observed.load(Ordering::Relaxed)
    }

    /// Records that the client gets a response with this status.
    pub(super) fn answered(&self, status: StatusCode) {
        self.0.is_answered.store(true, Ordering::Relaxed);
        let exchange = self.unanswered().take();
        if let Some(exchange) = exchange {
            exchange.answered_outside(status);
        }
    }

    /// Records that no response follows, and drops the exchange that waits for it.
    pub(super) fn dropped(&self) {
        let exchange = self.unanswered().take();
        drop(exchange);
        if !self.0.is_answered.load(Ordering::Relaxed) {
            self.lost();
        }
    }

    /// Returns whether an exchange waits for its response to be sent.
    pub(super) fn is_kept(&self) -> bool {
        self.sent().is_some()
    }

    /// Finishes the waiting exchange: the whole response was handed to the socket.
    pub(super) fn written(&self) {
        let exchange = self.sent().take();
        if let Some(exchange) = exchange {
            exchange.finish(Outcome::Answered);
        }
    }

    /// Drops the waiting exchange: the client never gets the end of the response.
    pub(super) fn lost(&self) {
        let exchange = self.sent().take();
        drop(exchange);
    }
}
