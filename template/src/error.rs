//! What can go wrong in a request: what the client is told, and what is logged.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

/// Why a request has no good answer. The text of a client's mistake is the `detail` of its problem; why the service has
/// failed goes to the log alone.
#[derive(Debug)]
pub enum AppError {
    /// 404: what the client asks for is not there.
    NotFound(String),
    /// 422: well-formed, and still not acceptable.
    Unprocessable(String),
    /// Any other status, and its cause.
    Failed(StatusCode, anyhow::Error),
}

impl AppError {
    /// For `map_err`: anything that should not have happened.
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
                // Here and nowhere else, so that a failure is one line, with all of its causes.
                match status.is_server_error() {
                    true => tracing::error!(error = &*cause, "request failed"),
                    false => tracing::warn!(error = &*cause, "request refused"),
                }
                status.into_response()
            }
        }
    }
}
