//! The environment variables of this process.

use std::ffi::OsString;

/// Reads a variable of this process.
pub(crate) fn variable(name: &str) -> Option<String> {
    // `unread` warns about a value that is not UTF-8.
    std::env::var(name).ok()
}

/// Reads a variable of this process, even if it is not UTF-8.
///
/// Invalid bytes are replaced, so that the value is rejected later instead of ignored.
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
pub(crate) fn lossy_variable(name: &str) -> Option<String> {
    Some(std::env::var_os(name)?.to_string_lossy().into_owned())
}

/// Returns all variables of this process.
pub(crate) fn variables() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os()
}
