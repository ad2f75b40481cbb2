//! Classification of errors for labels and span attributes.
//!
//! The message of an error is never used, because databases quote values in it.

use std::borrow::Cow;

use sqlx::Error;

/// The class of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// `error.type`: the database's code, or a word for an error without a code.
    pub(super) error_type: Cow<'static, str>,
    /// `db.response.status_code`: an SQLSTATE, or SQLite's result code.
    pub(super) code: Option<String>,
}

impl Failure {
    /// Classifies an error; returns `None` for a missing row, which is not a failure.
    pub(super) fn from_error(error: &Error) -> Option<Self> {
        let word = match error {
            Error::RowNotFound => return None,
            Error::Database(error) => {
                if let Some(code) = error.code() {
                    return Some(Self {
                        error_type: Cow::Owned(code.clone().into_owned()),
                        code: Some(code.into_owned()),
                    });
                }
                "database"
            }
            Error::PoolTimedOut => "pool_timed_out",
            Error::PoolClosed => "pool_closed",
            Error::WorkerCrashed => "worker_crashed",
            Error::Io(_) => "io",
            Error::Tls(_) => "tls",
            Error::Protocol(_) => "protocol",
            Error::Configuration(_) => "configuration",
            Error::Encode(_) | Error::InvalidArgument(_) => "encode",
            Error::Decode(_)
            | Error::ColumnDecode { .. }
            | Error::ColumnNotFound(_)
            | Error::ColumnIndexOutOfBounds { .. }
            | Error::TypeNotFound { .. } => "decode",
            // The fallback value of `error.type` in the semantic conventions.
            _ => "_OTHER",
        };
        Some(Self {
            error_type: Cow::Borrowed(word),
            code: None,
        })
    }
}
