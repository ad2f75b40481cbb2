//! Errors of declared schedules, all of them found at start.

use std::{fmt, time::Duration};

/// Reason for which a schedule is invalid.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CronError {
    /// The expression is not a cron expression.
    #[error("cron expression: found {found:?}: {reason}")]
    #[non_exhaustive]
    InvalidExpression {
        /// The expression, truncated to 64 characters.
        found: String,
        /// The problem, and what is expected instead.
        reason: String,
    },

    /// No date matches the expression, such as the 30th of February.
    #[error("cron expression: found {found:?}, which no date matches; correct its day and month")]
    #[non_exhaustive]
    NeverDue {
        /// The expression.
        found: String,
    },

    /// The interval is not in whole seconds from 1 s to 366 days.
    #[error(
        "interval: found {} s, expected whole seconds, at least 1 s and at most 366 days",
        found.as_secs_f64()
    )]
    #[non_exhaustive]
    InvalidInterval {
        /// The interval.
        found: Duration,
    },

    /// Two jobs have the same name, and would take each other's ticks.
    #[error("cron {name:?} was added twice; give each a name of its own")]
    #[non_exhaustive]
    DuplicateName {
        /// The name.
        name: String,
    },
}

// A `main` that returns an error prints its `Debug` form, which should be the readable message.
impl fmt::Debug for CronError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
