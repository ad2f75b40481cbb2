//! Classification of sqlx's errors for labels and span attributes.

use sqlx::Error;

use crate::db::Failure;

/// Classifies an error; returns `None` for a missing row, which is not a failure.
pub(super) fn failure(error: &Error) -> Option<Failure> {
    let word = match error {
        Error::RowNotFound => return None,
        Error::Database(error) => match error.code() {
            Some(code) => return Some(Failure::code(code.into_owned())),
            None => "database",
        },
        Error::PoolTimedOut => return Some(Failure::pool_timeout()),
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
    Some(Failure::word(word))
}
