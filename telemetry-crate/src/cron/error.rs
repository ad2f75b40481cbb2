//! What can be wrong with a declared schedule. All of it shows at start; nothing of it happens later.

use std::{fmt, time::Duration};

/// Why a schedule was refused.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CronError {
    /// Not a cron expression.
    #[error("cron expression: found {found:?}: {reason}")]
    #[non_exhaustive]
    InvalidExpression {
        /// The expression, at most its first 64 characters.
        found: String,
        /// What is wrong with it, and what is expected.
        reason: String,
    },

    /// An expression that no date fits, such as the 30th of February.
    #[error("cron expression: found {found:?}, which no date fits; correct its day and month")]
    #[non_exhaustive]
    NeverDue {
        /// The expression.
        found: String,
    },

    /// An interval that does not divide time into ticks.
    #[error(
        "interval: found {} s, expected whole seconds, at least 1 s and at most 366 days",
        found.as_secs_f64()
    )]
    #[non_exhaustive]
    InvalidInterval {
        /// The interval.
        found: Duration,
    },

    /// Two declarations with one name: each would take the other's ticks.
    #[error("cron {name:?} was added twice; give each a name of its own")]
    #[non_exhaustive]
    DuplicateName {
        /// The name.
        name: String,
    },
}

// A `main` that returns an error shows its `Debug` form; the sentence is what an operator can act on.
impl fmt::Debug for CronError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
