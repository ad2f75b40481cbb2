//! Errors of declared schedules, all of them found at start.

use std::{fmt, time::Duration};

/// Reason for which a schedule is invalid.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CronError {
    /// The expression is not a cron expression.
    #[error("{}: found {found:?}: {reason}", subject(name, "cron expression"))]
    #[non_exhaustive]
    InvalidExpression {
        /// The job's name, if the error is that of [`Cron::parse`](super::Cron::parse).
        name: Option<String>,
        /// The expression, truncated to 64 characters.
        found: String,
        /// The problem, and what is expected instead.
        reason: String,
    },

    /// No date matches the expression, such as the 30th of February.
    #[error(
        "{}: found {found:?}, which no date matches; correct its day and month",
        subject(name, "cron expression")
    )]
    #[non_exhaustive]
    NeverDue {
        /// The job's name, if the error is that of [`Cron::parse`](super::Cron::parse).
        name: Option<String>,
        /// The expression.
        found: String,
    },

    /// The interval is not in whole seconds from 1 s to 366 days.
    #[error(
        "{}: found {} s, expected whole seconds, at least 1 s and at most 366 days",
        subject(name, "interval"),
        found.as_secs_f64()
    )]
    #[non_exhaustive]
    InvalidInterval {
        /// The job's name, if the error is that of [`Cron::every`](super::Cron::every).
        name: Option<String>,
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

impl CronError {
    /// Adds the job's name to an error of its schedule.
    pub(super) fn named(mut self, job: &str) -> Self {
        match &mut self {
            Self::InvalidExpression { name, .. }
            | Self::NeverDue { name, .. }
            | Self::InvalidInterval { name, .. } => *name = Some(job.to_owned()),
            Self::DuplicateName { .. } => {}
        }
        self
    }
}

/// Returns the subject of a message: the job and its setting, or only the setting.
fn subject(name: &Option<String>, setting: &str) -> String {
    match name {
        Some(name) => format!("cron {name:?}, {}", setting.trim_start_matches("cron ")),
        None => setting.to_owned(),
    }
}

// A `main` that returns an error prints its `Debug` form, which should be the readable message.
impl fmt::Debug for CronError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
