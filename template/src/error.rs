//! What can go wrong in a request: what the client is told, and what is logged.

use std::error::Error;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

/// Why a request has no good answer. The text of a client's mistake is the `detail` of its problem; why the service has
/// failed goes to the log alone.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// 404: what the client asks for is not there.
    #[error("{0} not found")]
    NotFound(String),
    /// 422: well-formed, and still not acceptable.
    #[error("{0}")]
    Unprocessable(String),
    /// Any other status, and its cause.
    #[error("{0}")]
    Failed(StatusCode, #[source] Box<dyn Error + Send + Sync>),
}

impl AppError {
    /// For `map_err`: anything that should not have happened.
    pub fn internal(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(StatusCode::INTERNAL_SERVER_ERROR, error.into())
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Unprocessable(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Failed(status, cause) => {
                // Here and nowhere else, so that a failure is one line, with all of its causes.
                match status.is_server_error() {
                    true => tracing::error!(error = cause.as_ref(), "request failed"),
                    false => tracing::warn!(error = cause.as_ref(), "request refused"),
                }
                return status.into_response();
            }
        };
        (status, self.to_string()).into_response()
    }
}
