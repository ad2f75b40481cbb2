//! The level above which `tracing` is not in the program.
//!
//! The features `max_level_…` and `release_max_level_…` of `tracing` remove events and spans at compile time, in all crates.
//! sqlx reports each statement by an event at the level `debug`, so a program with `release_max_level_info` has no
//! telemetry of its queries, although no filter hides it.

use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};

/// Says what this program lacks because of the features of `tracing`.
pub(crate) fn missing() -> Option<String> {
    missing_above(STATIC_MAX_LEVEL)
}

fn missing_above(limit: LevelFilter) -> Option<String> {
    let missing = if limit < LevelFilter::INFO {
        "the spans of requests, calls and jobs, the access lines, and the telemetry of queries are missing"
    } else if cfg!(feature = "db") && limit < LevelFilter::DEBUG {
        "sqlx's queries have no spans, no samples and no N+1 warnings, and waits for its pools are not measured"
    } else {
        return None;
    };
    Some(format!(
        "a feature of `tracing` removes everything below the level {limit} from the program, so {missing}: remove `max_level_{limit}` or `release_max_level_{limit}` from the features of `tracing`, which `cargo tree -e features -i tracing` finds, and filter with RUST_LOG"
    ))
}

#[cfg(test)]
mod tests {
    use tracing::level_filters::LevelFilter;

    use super::{missing, missing_above};

    #[test]
    fn removed_levels_are_named() {
        assert_eq!(missing(), None);
        assert_eq!(missing_above(LevelFilter::DEBUG), None);
        let requests = missing_above(LevelFilter::WARN).unwrap_or_default();
        assert!(requests.contains("the spans of requests"), "{requests}");
        assert!(requests.contains("`release_max_level_warn`"), "{requests}");
        let queries = missing_above(LevelFilter::INFO);
        assert_eq!(queries.is_some(), cfg!(feature = "db"));
    }
}
