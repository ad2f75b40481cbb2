//! What can go wrong in a request: what the client is told, and what is logged.

use std::error::Error;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

/// Why a request has no good answer. The text of a client's mistake goes to the client; the text of ours goes to the
/// log alone.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// 404: what the client asks for is not there.
    #[error("{0} not found")]
    NotFound(String),
    /// 422: well-formed, and still not acceptable.
    #[error("{0}")]
    Unprocessable(String),
{%- if store != "none" %}
    /// 503: the database is away or overrun; later it may be back.
    #[error("try again later")]
    Unavailable(#[source] sqlx::Error),
{%- endif %}
    /// 500: not the client's fault, and none of its business.
    #[error("internal error")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

impl AppError {
    /// For `map_err`: anything that should not have happened.
    pub fn internal(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }
}

{% if store != "none" -%}
/// For `?` behind queries.
impl From<sqlx::Error> for AppError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => {
                Self::Unavailable(error)
            }
            error => Self::internal(error),
        }
    }
}

{% endif -%}
impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Unprocessable(_) => StatusCode::UNPROCESSABLE_ENTITY,
{%- if store != "none" %}
            Self::Unavailable(error) => {
                tracing::error!(error = error as &dyn Error, "the database does not answer");
                StatusCode::SERVICE_UNAVAILABLE
            }
{%- endif %}
            Self::Internal(error) => {
                // Here and nowhere else, so that a failure is one line, with all of its causes.
                tracing::error!(error = error.as_ref(), "request failed");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        (status, self.to_string()).into_response()
    }
}
