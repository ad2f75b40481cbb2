//! How an attempt ended.

use std::{error::Error, fmt};

/// How an attempt ended, as in the label `outcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The job succeeded.
    Ok,
    /// The attempt failed, and the job may be tried again.
    Retry,
    /// The attempt failed, and the job is dead-lettered.
    ///
    /// It was the last attempt, or the error is permanent. An operator has to act.
    Dead,
}

impl Outcome {
    /// Returns the word for the label, the span and the log line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Retry => "retry",
            Self::Dead => "dead",
        }
    }

    /// Returns the outcome of a failed attempt.
    pub(super) fn of_failure(attempt: u32, attempts: Option<u32>, is_permanent: bool) -> Self {
        let is_last = attempts.is_some_and(|attempts| attempt >= attempts);
        if is_permanent || is_last {
            Self::Dead
        } else {
            Self::Retry
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The reason for which an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause<E> {
    /// The job returned an error.
    Error(E),
    /// The job panicked, with this message.
    ///
    /// The panic hook has already logged it, with its location.
    Panic(String),
}

impl<E: fmt::Display> fmt::Display for Cause<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(formatter),
            Self::Panic(message) => write!(formatter, "panicked: {message}"),
        }
    }
}

/// A failed attempt, which says whether the job is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure<E> {
    pub(super) outcome: Outcome,
    pub(super) cause: Cause<E>,
}

impl<E> Failure<E> {
    /// Returns whether the job is dead-lettered.
    ///
    /// Otherwise it is to be tried again, after a pause.
    pub fn is_dead(&self) -> bool {
        self.outcome == Outcome::Dead
    }

    /// Returns [`Outcome::Retry`] or [`Outcome::Dead`], as it was counted.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Returns the error or the panic.
    pub fn cause(&self) -> &Cause<E> {
        &self.cause
    }

    /// Returns the owned error or panic.
    pub fn into_cause(self) -> Cause<E> {
        self.cause
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.outcome, self.cause)
    }
}

impl<E: Error + 'static> Error for Failure<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::Error(error) => Some(error),
            Cause::Panic(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn last_attempts_are_dead_lettered() {
        assert_eq!(Outcome::of_failure(1, Some(2), false), Outcome::Retry);
        assert_eq!(Outcome::of_failure(2, Some(2), false), Outcome::Dead);
        // The limit in the store may have been lowered since.
        assert_eq!(Outcome::of_failure(9, Some(2), false), Outcome::Dead);
        assert_eq!(Outcome::of_failure(9, None, false), Outcome::Retry);
        assert_eq!(Outcome::of_failure(1, None, true), Outcome::Dead);
    }
}
