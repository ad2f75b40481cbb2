//! What became of a request's body, for the status of the response.

use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering},
};

use http::{HeaderValue, Response, StatusCode, header::RETRY_AFTER};

/// In the extensions of a request whose body is bounded. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Verdict(Arc<AtomicU16>);

impl Verdict {
    #[cfg(feature = "axum")]
    pub(super) fn set(&self, status: StatusCode) {
        self.0.store(status.as_u16(), Ordering::Relaxed);
    }

    /// Gives a response that reports an error the status of the error's cause: an extractor knows only that the body
    /// failed, and answers 400. A handler that answers with a success has dealt with it.
    pub(super) fn apply<B>(&self, response: &mut Response<B>) {
        let status = response.status();
        if (status.is_client_error() || status.is_server_error())
            && let Ok(cause) = StatusCode::from_u16(self.0.load(Ordering::Relaxed))
        {
            *response.status_mut() = cause;
            if cause == StatusCode::SERVICE_UNAVAILABLE {
                let retry_after = HeaderValue::from_static("1");
                response.headers_mut().insert(RETRY_AFTER, retry_after);
            }
        }
    }
}
