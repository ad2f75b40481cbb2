//! The query of `/traces`.

use super::{
    super::query::{pairs, quoted},
    FEW, MANY,
};
use crate::recorder::{Found, Recorder, RootList};

/// A part of the list of roots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Open,
    Failed,
    Canceled,
    Slowest,
    Recent,
}

impl Section {
    pub(super) const ALL: [Self; 5] = [
        Self::Open,
        Self::Failed,
        Self::Canceled,
        Self::Slowest,
        Self::Recent,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Slowest => "slow",
            Self::Recent => "recent",
        }
    }

    /// The order of the roots, for people.
    pub(super) fn order(self) -> &'static str {
        match self {
            Self::Open => "the oldest first",
            Self::Failed | Self::Canceled | Self::Recent => "the last one first",
            Self::Slowest => "the slowest first",
        }
    }

    pub(super) fn list(self, recorder: &Recorder) -> RootList {
        match self {
            Self::Open => recorder.open(),
            Self::Failed => recorder.failed(),
            Self::Canceled => recorder.canceled(),
            Self::Slowest => recorder.slowest(),
            Self::Recent => recorder.recent(),
        }
    }
}

/// What a request asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) sections: Vec<Section>,
    /// A part of the name of the roots.
    pub(super) route: Option<String>,
    /// Whether the last words of the last process are asked for.
    pub(super) previous: bool,
    /// Whether each root has its spans and events.
    pub(super) detail: bool,
    /// The largest number of roots in a section.
    limit: Option<usize>,
}

impl Query {
    /// Parses the query of a request.
    ///
    /// An unknown key is an error that names the known ones.
    pub(super) fn parse(query: &str) -> Result<Self, String> {
        let mut parsed = Self::default();
        for (key, value) in pairs(query) {
            match key {
                "route" => parsed.route = Some(value),
                "limit" => parsed.limit = Some(limit(&value)?),
                "detail" => parsed.detail = flag(key, &value)?,
                "previous" => parsed.previous = flag(key, &value)?,
                _ => {
                    let mut sections = Section::ALL.into_iter();
                    let section = sections.find(|section| section.name() == key);
                    let section = section.ok_or_else(|| unknown(key))?;
                    if flag(key, &value)? && !parsed.sections.contains(&section) {
                        parsed.sections.push(section);
                    }
                }
            }
        }
        Ok(parsed)
    }

    /// Whether a section is asked for; without any, all are.
    pub(super) fn asks_for(&self, section: Section) -> bool {
        self.sections.is_empty() || self.sections.contains(&section)
    }

    /// The sections that were asked for, with their roots.
    pub(super) fn find(&self, recorder: &Recorder) -> Vec<(Section, Found)> {
        let is_narrow = !self.sections.is_empty() || self.route.is_some();
        let most = self.limit.unwrap_or(if is_narrow { MANY } else { FEW });
        let sections = self.asked();
        sections
            .map(|section| (section, self.list(section, recorder).first(most)))
            .collect()
    }

    /// The sections that were asked for.
    pub(super) fn asked(&self) -> impl Iterator<Item = Section> {
        let all = Section::ALL.into_iter();
        all.filter(|section| self.asks_for(*section))
    }

    /// The roots of a section.
    pub(super) fn list(&self, section: Section, recorder: &Recorder) -> RootList {
        let list = section.list(recorder);
        match &self.route {
            Some(route) => list.named(route),
            None => list,
        }
    }

    /// The largest number of roots of each section in an answer with their detail.
    pub(super) fn limit_of_detail(&self) -> usize {
        self.limit.unwrap_or(MANY)
    }
}

fn unknown(key: &str) -> String {
    let names = Section::ALL.map(|section| format!("?{}", section.name()));
    format!(
        "unknown query {}: expected {}, ?route=, ?limit=, ?detail or ?previous, several joined by &\n",
        quoted(key),
        names.join(", ")
    )
}

/// Whether something is wanted.
fn flag(key: &str, value: &str) -> Result<bool, String> {
    if matches!(value, "" | "true") {
        return Ok(true);
    }
    Err(format!(
        "query {key:?}: found {}, expected no value or `true`; leave out what is not wanted\n",
        quoted(value)
    ))
}

fn limit(value: &str) -> Result<usize, String> {
    let limit = value.parse().ok();
    limit
        .filter(|limit| (1..=MANY).contains(limit))
        .ok_or_else(|| {
            format!(
                "query \"limit\": found {}, expected a number of roots from 1 to {MANY}\n",
                quoted(value)
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_choose_sections_and_routes() {
        let parse = |query| Query::parse(query).unwrap_or_default();
        assert_eq!(parse("").sections, []);
        assert!(parse("").asks_for(Section::Recent));
        let both = parse("failed&open&failed");
        assert_eq!(both.sections, [Section::Failed, Section::Open]);
        assert!(!both.asks_for(Section::Recent));
        let route = parse("slow&route=GET+/orders/%7Bid%7D&limit=7");
        assert_eq!(route.route.as_deref(), Some("GET /orders/{id}"));
        assert_eq!((route.limit, route.limit_of_detail()), (Some(7), 7));
        let detail = parse("detail");
        assert!(detail.detail && !detail.previous);
        assert_eq!(detail.limit_of_detail(), MANY);
    }

    #[test]
    fn unknown_queries_name_the_known_ones() {
        for (query, expected) in [
            ("faild", "unknown query \"faild\": expected ?open, ?failed"),
            ("x=1", "?route=, ?limit=, ?detail or ?previous"),
            (
                "failed=false",
                "query \"failed\": found \"false\", expected no value or `true`",
            ),
            ("detail=1", "query \"detail\": found \"1\""),
            ("limit=0", "query \"limit\": found \"0\", expected a number"),
            ("limit=1001", "from 1 to 1000"),
            ("limit", "query \"limit\": found \"\""),
            ("limit=-1", "found \"-1\""),
            ("%0a", "unknown query"),
        ] {
            let error = Query::parse(query).err().unwrap_or_default();
            assert!(error.contains(expected), "{query}: {error}");
            assert_eq!(error.lines().count(), 1, "{query}: {error}");
        }
    }
}
