//! What a server and the layer tell each other of one request: the server knows what the client got in the end, and the layer
//! may be inside of what decides it.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU16, Ordering},
};

use http::{Extensions, HeaderValue, Response, StatusCode, header::RETRY_AFTER};

use super::exchange::Exchange;
#[cfg(feature = "axum")]
use super::exchange::Outcome;

/// In the extensions of a request of [`serve`](super::serve). Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Arrival(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// The status for what became of the body; 0 while nothing is wrong with it.
    refused: AtomicU16,
    is_seen: AtomicBool,
    is_answered: AtomicBool,
    /// An exchange whose service was dropped, or has panicked, without a response. What is outside of the layer may still
    /// have one.
    unanswered: Mutex<Option<Box<Exchange>>>,
    /// An exchange whose body is over, while the client may still wait for bytes of it.
    sent: Mutex<Option<Exchange>>,
}

/// A layer sees the request.
pub(crate) fn see(extensions: &Extensions) {
    if let Some(Arrival(state)) = extensions.get() {
        state.is_seen.store(true, Ordering::Relaxed);
    }
}

impl Arrival {
    /// Dropped where the client has its answer already, and has gone away in the middle of it.
    pub(super) fn leave(&self, exchange: Exchange) {
        if !self.0.is_answered.load(Ordering::Relaxed) {
            *self.unanswered() = Some(Box::new(exchange));
        }
    }

    /// Ends once the server knows what the client got.
    pub(super) fn hold(&self, exchange: Exchange) {
        *self.sent() = Some(exchange);
    }

    fn sent(&self) -> MutexGuard<'_, Option<Exchange>> {
        self.0.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a response that reports an error the status of the error's cause: an extractor knows only that the body
    /// failed, and answers 400. A handler that answers with a success has dealt with it.
    pub(super) fn apply_refusal<B>(&self, response: &mut Response<B>) {
        let status = response.status();
        if (status.is_client_error() || status.is_server_error())
            && let Ok(cause) = StatusCode::from_u16(self.0.refused.load(Ordering::Relaxed))
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
impl Arrival {
    /// Something is wrong with the request's body.
    pub(super) fn refuse(&self, status: StatusCode) {
        self.0.refused.store(status.as_u16(), Ordering::Relaxed);
    }

    pub(super) fn is_seen(&self) -> bool {
        self.0.is_seen.load(Ordering::Relaxed)
    }

    /// The client gets this.
    pub(super) fn answered(&self, status: StatusCode) {
        self.0.is_answered.store(true, Ordering::Relaxed);
        let exchange = self.unanswered().take();
        if let Some(exchange) = exchange {
            exchange.answered_outside(status);
        }
    }

    /// The client gets nothing, unless it has its answer.
    pub(super) fn abandoned(&self) {
        let exchange = self.unanswered().take();
        drop(exchange);
        if !self.0.is_answered.load(Ordering::Relaxed) {
            self.lost();
        }
    }

    /// Whether an exchange waits for what became of its response.
    pub(super) fn is_held(&self) -> bool {
        self.sent().is_some()
    }

    /// The client has the whole response, as far as a server can know.
    pub(super) fn written(&self) {
        let exchange = self.sent().take();
        if let Some(exchange) = exchange {
            exchange.finish(Outcome::Answered);
        }
    }

    /// The client never gets the end of the response.
    pub(super) fn lost(&self) {
        let exchange = self.sent().take();
        drop(exchange);
    }
}
