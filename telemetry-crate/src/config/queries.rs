//! What is too much for a database: a statement that takes too long, and one that a request repeats too often.

use std::time::Duration;

use super::{TelemetryConfig, env, env::Env};

/// When a statement is worth a warning; `None` is never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueryLimits {
    pub(crate) slow: Option<Duration>,
    pub(crate) repeats: Option<u32>,
}

/// What sqlx takes for slow, too.
const SLOW: Duration = Duration::from_secs(1);

/// Below, it is a handful of lookups that no user would notice; a page of a list has ten rows or more.
const REPEATS: u32 = 10;

pub(super) fn query_limits(config: &TelemetryConfig, env: &mut Env<'_>) -> QueryLimits {
    let slow = env.milliseconds(env::SLOW_QUERY).or(config.slow_query);
    let repeats = env
        .number(env::N_PLUS_ONE, "a whole number")
        .or(config.n_plus_one);
    QueryLimits {
        slow: Some(slow.unwrap_or(SLOW)).filter(|slow| !slow.is_zero()),
        repeats: Some(repeats.unwrap_or(REPEATS)).filter(|repeats| *repeats > 0),
    }
}
