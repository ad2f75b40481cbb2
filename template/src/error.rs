//! What can go wrong in a request: what the client is told, and what is logged.

use std::{% if store != "none" and example %}{error::Error, sync::Arc}{% else %}error::Error{% endif %};

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
        if may_work_later(&error) {
            Self::Unavailable(error.into())
        } else {
            Self::internal(error)
        }
    }
}

/// Whether the same request may go well later: the database is away or overrun, or another request was in the way.
fn may_work_later(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => true,
{%- if store == "sqlite" %}
        // SQLITE_BUSY, whatever the reason in the upper bits: another process writes.
        sqlx::Error::Database(said) => {
            let code = said.code().and_then(|code| code.parse::<u32>().ok());
            code.is_some_and(|code| code & 0xff == 5)
        }
{%- else %}
        // 40: a deadlock or a serialization failure, and this transaction had to give way. 53: it is full. 57P: it stops, has
        // crashed, or starts.
        sqlx::Error::Database(said) => said.code().is_some_and(|code| {
            ["40", "53", "57P"]
                .iter()
                .any(|class| code.starts_with(class))
        }),
{%- endif %}
        _ => false,
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
