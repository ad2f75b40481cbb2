//! The class of an error, for labels and span attributes.
//!
//! The message of an error is never used, because databases quote values in it.

use std::borrow::Cow;

/// The class of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// `error.type`: the database's code, or a word for an error without a code.
    pub(crate) error_type: Cow<'static, str>,
    /// `db.response.status_code`: an SQLSTATE, or SQLite's result code.
    pub(crate) code: Option<String>,
}

impl Failure {
    /// The word for a timeout of a pool.
    const POOL_TIMED_OUT: &'static str = "pool_timed_out";

    /// The failure with a word as its type.
    pub(crate) fn word(word: &'static str) -> Self {
        Self {
            error_type: Cow::Borrowed(word),
            code: None,
        }
    }

    /// The failure with the database's code, which is also its type.
    pub(crate) fn code(code: String) -> Self {
        Self {
            error_type: Cow::Owned(code.clone()),
            code: Some(code),
        }
    }

    #[cfg(feature = "sqlx")]
    pub(crate) fn pool_timeout() -> Self {
        Self::word(Self::POOL_TIMED_OUT)
    }

    /// Whether a pool had no free connection until its timeout.
    pub(crate) fn is_pool_timeout(&self) -> bool {
        self.error_type == Self::POOL_TIMED_OUT
    }
}
