//! What can go wrong in a request: what the client is told, and what is logged.

use std::{% if store != "none" and example %}{error::Error, sync::Arc}{% else %}error::Error{% endif %};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
{%- if store != "none" %}
use firstlight::sqlx::ErrorClass;
{%- endif %}

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
    /// 422: a value of the request is none that the database can take.
    #[error("a value in the request cannot be stored")]
    Invalid(#[source] Box<dyn Error + Send + Sync>),
    /// 409: the request collides with what is stored, or refers to what is not.
    #[error("the request conflicts with what is stored")]
    Conflict(#[source] Box<dyn Error + Send + Sync>),
    /// 503: the database cannot do it now; later it may.
    #[error("try again later")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
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
{%- if example %}
        Self::from(Arc::new(error))
    }
}

/// For `?` behind cached reads, whose error belongs to all who have waited for it.
impl From<Arc<sqlx::Error>> for AppError {
    fn from(error: Arc<sqlx::Error>) -> Self {
{%- endif %}
        match ErrorClass::of(&error) {
            ErrorClass::Invalid => Self::Invalid(error.into()),
            // Where the service has chosen the value, and not the request: `map_err(AppError::internal)`.
            ErrorClass::Conflict => Self::Conflict(error.into()),
            ErrorClass::Unavailable => Self::Unavailable(error.into()),
            _ => Self::internal(error),
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
            Self::Invalid(error) => {
                tracing::info!(error = error.as_ref(), "the database refuses a value");
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::Conflict(error) => {
                // No error of the service, unless it should have known: worth a look where there are many.
                tracing::warn!(error = error.as_ref(), "the database has a conflict");
                StatusCode::CONFLICT
            }
            Self::Unavailable(error) => {
                tracing::error!(error = error.as_ref(), "the database cannot do it now");
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
{%- if store != "none" %}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_is_away_is_told_from_a_mistake_of_ours() {
        for (error, expected) in [
            (sqlx::Error::PoolTimedOut, 503),
            (sqlx::Error::RowNotFound, 500),
        ] {
            assert_eq!(AppError::from(error).into_response().status(), expected);
        }
    }
}
{%- endif %}
