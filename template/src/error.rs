//! The error type of handlers, which becomes a response and a log line.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// Error of a request; the client gets its text, but never its cause.
#[derive(Debug)]
pub enum AppError {
    /// 404: the resource with this name, such as `order 7`, does not exist.
    NotFound(String),
    /// 422: the request is well-formed but invalid.
    Unprocessable(String),
    /// Any other status, with its cause.
    Failed(StatusCode, anyhow::Error),
}

impl AppError {
    /// Wraps an unexpected error as a 500, for use with `map_err`.
    pub fn internal(error: impl Into<anyhow::Error>) -> Self {
        Self::Failed(StatusCode::INTERNAL_SERVER_ERROR, error.into())
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        match self {
            Self::NotFound(what) => (StatusCode::NOT_FOUND, what + " not found").into_response(),
            Self::Unprocessable(text) => (StatusCode::UNPROCESSABLE_ENTITY, text).into_response(),
            Self::Failed(status, cause) => {
                // The cause is logged only here, so that each failure is one log line with all of its causes.
                match status.is_server_error() {
                    true => tracing::error!(error = &*cause, "request failed"),
                    false => tracing::warn!(error = &*cause, "request refused"),
                }
                status.into_response()
            }
        }
    }
}
