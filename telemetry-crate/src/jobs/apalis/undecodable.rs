//! The error of a task whose arguments cannot be read.

use std::{error::Error, fmt};

use apalis_core::error::{AbortError, BoxDynError};

/// The error of a decoder.
///
/// The task is dead-lettered at once, because the same bytes fail in the same way each time.
#[derive(Debug)]
pub(super) struct Undecodable(String);

/// Longest reason in characters.
///
/// A decoder's own text is shorter, and a longer reason quotes the job.
#[cfg(any(feature = "apalis-postgres", feature = "apalis-sqlite"))]
const MAX_REASON: usize = 300;

#[cfg(any(feature = "apalis-postgres", feature = "apalis-sqlite"))]
impl Undecodable {
    pub(super) fn error(type_name: &str, reason: &str) -> BoxDynError {
        let reason: String = reason.chars().take(MAX_REASON).collect();
        let message = format!("cannot be decoded as {type_name}: {reason}");
        AbortError::new(Self(message)).into()
    }
}

impl fmt::Display for Undecodable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for Undecodable {}

pub(super) fn is_undecodable(error: &BoxDynError) -> bool {
    let abort = error.downcast_ref::<AbortError>();
    let source = abort.and_then(Error::source);
    source.is_some_and(|source| source.is::<Undecodable>())
}
