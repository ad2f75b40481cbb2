//! The query of `/logs`.

use tracing::Level;

use super::super::query::{pairs, quoted, trace_id};
use crate::recorder::LineFilter;

/// The number of lines without `tail`.
const TAIL: usize = 200;

/// The number of lines before those that come, without `tail`.
///
/// As `tail -f` does.
const TAIL_OF_FOLLOW: usize = 10;

const KEYS: &str = "`follow`, `after=`, `tail=`, `level=`, `trace=`, `target=` and `contains=`";

/// What a request asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) follow: bool,
    /// The number of the first line that is wanted.
    pub(super) after: Option<u64>,
    tail: Option<usize>,
    pub(super) filter: LineFilter,
    /// A part of the line.
    contains: String,
}

impl Query {
    /// Parses the query of a request.
    ///
    /// # Errors
    ///
    /// A sentence that says what was found and what is expected.
    pub(super) fn parse(query: &str) -> Result<Self, String> {
        let mut parsed = Self::default();
        for (key, value) in pairs(query) {
            match key {
                "follow" => parsed.follow = follow(&value)?,
                "after" => parsed.after = Some(after(&value)?),
                "tail" => parsed.tail = Some(tail(&value)?),
                "level" => parsed.filter.level = Some(level(&value)?),
                "trace" => parsed.filter.trace_id = Some(trace_id(&value)?),
                "target" => parsed.filter.target = value,
                "contains" => parsed.contains = value,
                _ => {
                    return Err(format!(
                        "unknown query {}: there are {KEYS}, several joined by &\n",
                        quoted(key)
                    ));
                }
            }
        }
        Ok(parsed)
    }

    /// The largest number of lines that are there already.
    pub(super) fn tail(&self) -> usize {
        let default = if self.follow { TAIL_OF_FOLLOW } else { TAIL };
        self.tail.unwrap_or(default)
    }

    pub(super) fn has_filter(&self) -> bool {
        self.filter != LineFilter::default() || !self.contains.is_empty()
    }

    /// Whether a line that has passed the filter contains what it must.
    pub(super) fn accepts(&self, line: &[u8]) -> bool {
        // Lines are written from text, so all of them are UTF-8.
        self.contains.is_empty()
            || str::from_utf8(line).is_ok_and(|line| line.contains(&self.contains))
    }
}

fn follow(value: &str) -> Result<bool, String> {
    match value {
        "" | "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(unexpected("follow", value, "no value, `true` or `false`")),
    }
}

fn after(value: &str) -> Result<u64, String> {
    let number = value.parse();
    number.map_err(|_| unexpected("after", value, "the number of a line, as in `next`"))
}

fn tail(value: &str) -> Result<usize, String> {
    let lines = value.parse();
    lines.map_err(|_| unexpected("tail", value, "a number of lines"))
}

fn level(value: &str) -> Result<Level, String> {
    // A number is a level for `tracing`, and nowhere else.
    let level = value.parse().ok();
    let level = level.filter(|_| value.starts_with(|first: char| first.is_ascii_alphabetic()));
    level.ok_or_else(|| {
        unexpected(
            "level",
            value,
            "`error`, `warn`, `info`, `debug` or `trace`",
        )
    })
}

fn unexpected(key: &str, value: &str, expected: &str) -> String {
    format!("{key}: found {}, expected {expected}\n", quoted(value))
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TraceId;

    use super::*;

    #[test]
    fn queries_choose_lines() {
        let parse = |query| Query::parse(query).unwrap_or_default();
        assert_eq!((parse("").tail(), parse("follow").tail()), (200, 10));
        assert!(!parse("tail=3").has_filter());
        let query = parse(
            "follow&after=12&tail=7&level=WARN&trace=0af7651916cd43dd8448eb211c80319c&target=a::b&contains=x%20%26+y",
        );
        let expected = Query {
            follow: true,
            after: Some(12),
            tail: Some(7),
            filter: LineFilter {
                level: Some(Level::WARN),
                trace_id: TraceId::from_hex("0af7651916cd43dd8448eb211c80319c").ok(),
                target: "a::b".to_owned(),
            },
            contains: "x & y".to_owned(),
        };
        assert_eq!(query, expected);
        assert!(query.accepts(b"an x & y\n") && !query.accepts(b"an X & y\n"));
    }

    #[test]
    fn unknown_queries_name_the_known_ones() {
        for (query, expected) in [
            ("folow", "`follow`, `after=`"),
            ("after=x", "the number of a line"),
            ("after=-1", "the number of a line"),
            ("after", "the number of a line"),
            ("level=loud", "`error`, `warn`"),
            ("level=3", "`error`, `warn`"),
            ("level", "`error`, `warn`"),
            ("tail=-1", "a number of lines"),
            ("tail=99999999999999999999999", "a number of lines"),
            ("trace=0af7", "32 hexadecimal digits"),
            ("follow=1", "`true`"),
            ("%0a=1", "`follow`"),
        ] {
            let error = Query::parse(query).err().unwrap_or_default();
            assert!(error.contains(expected), "{query}: {error}");
            assert_eq!(error.lines().count(), 1, "{query}: {error}");
        }
    }
}
