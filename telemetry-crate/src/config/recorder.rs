//! The settings of the flight recorder.

use std::path::PathBuf;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

use super::{env, env::Env};
use crate::directives::targets;

/// The default number of bytes.
///
/// It holds the summaries of 10,000 open requests, and some thousand requests with detail.
const DEFAULT_BYTES: usize = 8 * 1024 * 1024;

/// The smallest number of bytes, below which a single request does not fit.
const MIN_BYTES: usize = 256 * 1024;

/// The settings of a flight recorder that is on.
#[derive(Debug, Clone)]
pub(crate) struct RecorderSettings {
    /// Largest number of bytes that the recorder takes.
    pub(crate) bytes: usize,
    /// Events that are kept even if the log filter disables them.
    pub(crate) filter: Option<Targets>,
    /// The file of the last words.
    pub(crate) file: Option<PathBuf>,
    /// The level from which events of failed roots become log lines.
    pub(crate) log_on_failure: Option<LevelFilter>,
}

/// Returns `None` if the recorder is off.
pub(super) fn recorder(env: &mut Env<'_>) -> Option<RecorderSettings> {
    let is_on = env.choice(env::RECORDER, "`on` or `off`", |value| match value {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    });
    let bytes = env.parsed(
        env::RECORDER_BYTES,
        "a number in bytes from 262144 on",
        |value| value.parse().ok().filter(|bytes| *bytes >= MIN_BYTES),
    );
    let filter = env.parsed(
        env::RECORDER_FILTER,
        "`target=level` directives such as `debug,hyper=info`",
        targets,
    );
    let level = env.parsed(
        env::LOG_ON_FAILURE,
        "`warn`, `info`, `debug`, `trace` or `off`",
        |value| value.parse::<LevelFilter>().ok(),
    );
    let file = env.text(env::RECORDER_FILE);
    let log_on_failure = level.filter(|level| *level > LevelFilter::OFF);
    if is_on == Some(false) {
        let unused = [
            (env::RECORDER_FILE, file.is_some()),
            (env::LOG_ON_FAILURE, log_on_failure.is_some()),
            (env::RECORDER_FILTER, filter.is_some()),
        ];
        for (name, _) in unused.iter().filter(|(_, is_set)| *is_set) {
            env.warn_once(format!(
                "{name} has no effect, because FIRSTLIGHT_RECORDER is off"
            ));
        }
    }
    is_on.unwrap_or(true).then(|| RecorderSettings {
        bytes: bytes.unwrap_or(DEFAULT_BYTES),
        filter: with_level(filter, log_on_failure),
        file: file.map(PathBuf::from),
        log_on_failure,
    })
}

/// The target of sqlx's events about queries.
///
/// They have the SQL with its literals. The spans of the queries have it without them.
const QUERIES: &str = "sqlx::query";

/// Raises the default level of a filter to `level`.
///
/// The events of queries need a directive of their own.
fn with_level(filter: Option<Targets>, level: Option<LevelFilter>) -> Option<Targets> {
    let Some(level) = level else { return filter };
    let mut filter = filter.unwrap_or_default();
    if !filter.iter().any(|(target, _)| QUERIES.starts_with(target)) {
        filter = filter.with_target(QUERIES, LevelFilter::WARN);
    }
    let default = filter.default_level().unwrap_or(LevelFilter::OFF);
    Some(filter.with_default(default.max(level)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use tracing::Level;

    use super::*;

    #[test]
    fn level_leaves_out_literals_of_sql() {
        let enabled = |filter: &str, target| {
            let filter = (!filter.is_empty()).then(|| targets(filter).unwrap());
            let filter = with_level(filter, Some(LevelFilter::DEBUG)).unwrap();
            filter.would_enable(target, &Level::DEBUG)
        };
        assert!(enabled("", "orders") && !enabled("", QUERIES));
        assert!(enabled("info", "orders") && !enabled("info", QUERIES));
        assert!(enabled("sqlx=debug", QUERIES) && enabled("sqlx::query=debug", QUERIES));
    }
}
