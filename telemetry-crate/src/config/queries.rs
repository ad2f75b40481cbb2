//! Thresholds for slow statements and for N+1 queries.

use std::time::Duration;

use super::{TelemetryConfig, env, env::Env};

/// The thresholds for a warning about a statement; `None` turns the warning off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueryLimits {
    /// The duration from which a statement is slow.
    pub(crate) slow: Option<Duration>,
    /// The runs of one statement in a request that are an N+1 query.
    pub(crate) repeats: Option<u32>,
}

/// Default threshold of a slow statement, the same as sqlx's.
const SLOW: Duration = Duration::from_secs(1);

/// Default threshold of an N+1 query, in runs of one statement.
///
/// Fewer runs are a few lookups that no user notices, while one page of a list has ten rows or more.
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
