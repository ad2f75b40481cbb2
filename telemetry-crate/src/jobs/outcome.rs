//! How an attempt ended.

use std::{error::Error, fmt};

/// How an attempt ended, as in the label `outcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AttemptOutcome {
    /// The job succeeded.
    Ok,
    /// The attempt failed, and the job may be tried again.
    Retry,
    /// The attempt failed, and the job is dead-lettered.
    ///
    /// It was the last attempt, or the error is permanent. An operator has to act.
    DeadLettered,
}

impl AttemptOutcome {
    /// Returns the word for the label, the span and the log line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Retry => "retry",
            Self::DeadLettered => "dead_lettered",
        }
    }

    /// Returns the outcome of a failed attempt.
    pub(super) fn of_failure(attempt: u32, attempts: Option<u32>, is_permanent: bool) -> Self {
        let is_last = attempts.is_some_and(|attempts| attempt >= attempts);
        if is_permanent || is_last {
            Self::DeadLettered
        } else {
            Self::Retry
        }
    }
}

impl fmt::Display for AttemptOutcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The reason for which an attempt failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum FailureCause {
    /// The job returned an error, which can be downcast.
    Error(Box<dyn Error + Send + Sync>),
    /// The job panicked, with this message.
    ///
    /// The panic hook has already logged it, with its location.
    Panic(String),
}

impl fmt::Display for FailureCause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(formatter),
            Self::Panic(message) => write!(formatter, "panicked: {message}"),
        }
    }
}

/// A failed attempt, which says whether the job is tried again.
#[derive(Debug)]
pub struct Failure {
    pub(super) outcome: AttemptOutcome,
    pub(super) cause: FailureCause,
}

impl Failure {
    /// Returns whether the job is dead-lettered.
    ///
    /// Otherwise it is to be tried again, after a pause.
    pub fn is_dead_lettered(&self) -> bool {
        self.outcome == AttemptOutcome::DeadLettered
    }

    /// Returns the outcome, as it was counted.
    ///
    /// It is [`AttemptOutcome::Retry`] or [`AttemptOutcome::DeadLettered`].
    pub fn outcome(&self) -> AttemptOutcome {
        self.outcome
    }

    /// Returns the error or the panic.
    pub fn cause(&self) -> &FailureCause {
        &self.cause
    }

    /// Returns the owned error or panic.
    pub fn into_cause(self) -> FailureCause {
        self.cause
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.outcome, self.cause)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            // The message contains that of the error.
            FailureCause::Error(error) => error.source(),
            FailureCause::Panic(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AttemptOutcome;

    #[test]
    fn last_attempts_are_dead_lettered() {
        assert_eq!(
            AttemptOutcome::of_failure(1, Some(2), false),
            AttemptOutcome::Retry
        );
        assert_eq!(
            AttemptOutcome::of_failure(2, Some(2), false),
            AttemptOutcome::DeadLettered
        );
        // The limit in the store may have been lowered since.
        assert_eq!(
            AttemptOutcome::of_failure(9, Some(2), false),
            AttemptOutcome::DeadLettered
        );
        assert_eq!(
            AttemptOutcome::of_failure(9, None, false),
            AttemptOutcome::Retry
        );
        assert_eq!(
            AttemptOutcome::of_failure(1, None, true),
            AttemptOutcome::DeadLettered
        );
    }
}
