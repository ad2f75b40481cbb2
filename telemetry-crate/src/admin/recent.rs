//! `/traces`: the local roots in the flight recorder.
//!
//! They are shown as text for people and as JSON for programs.

mod json;
mod list;
mod live;
mod waterfall;

use http::{HeaderMap, StatusCode, Uri};

pub(super) use self::live::{Live, PoolState, User};
use super::{
    answer::{Answer, accepts_json, json, recorder_is_off, text},
    identity::Identity,
    query,
};
use crate::{
    recorder::{Found, Recorder, RootList, RootView},
    status::Status,
};

/// The number of roots of each section in a list of all sections.
const FEW: usize = 20;

/// The number of roots in the list of one section or one name.
const MANY: usize = 1_000;

/// The version of the JSON format.
const FORMAT: u32 = 1;

const NO_FILE: &str = "no state of earlier processes is kept: set FIRSTLIGHT_RECORDER_FILE to a file that survives a restart\n";

const NO_PREVIOUS: &str = "the recorder's file had nothing of an earlier process, or could not be opened or read; in the latter cases, a log line has the reason\n";

/// A part of the list of roots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Open,
    Failed,
    Canceled,
    Slowest,
    Recent,
}

impl Section {
    const ALL: [Self; 5] = [
        Self::Open,
        Self::Failed,
        Self::Canceled,
        Self::Slowest,
        Self::Recent,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Slowest => "slow",
            Self::Recent => "recent",
        }
    }

    /// The order of the roots, for people.
    fn order(self) -> &'static str {
        match self {
            Self::Open => "the oldest first",
            Self::Failed | Self::Canceled | Self::Recent => "the last one first",
            Self::Slowest => "the slowest first",
        }
    }

    fn list(self, recorder: &Recorder) -> RootList {
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
struct Query {
    sections: Vec<Section>,
    /// A part of the name of the roots.
    route: Option<String>,
    /// Whether the last words of the last process are asked for.
    previous: bool,
}

impl Query {
    /// Parses the query of a request.
    ///
    /// An unknown key is an error that names the known ones.
    fn parse(query: &str) -> Result<Self, String> {
        let mut parsed = Self::default();
        for (key, value) in query::pairs(query) {
            if key == "route" {
                parsed.route = Some(value);
                continue;
            }
            let mut sections = Section::ALL.into_iter();
            let section = sections.find(|section| section.name() == key);
            if section.is_none() && key != "previous" {
                let names = Section::ALL.map(|section| format!("?{}", section.name()));
                return Err(format!(
                    "unknown query {key:?}: expected {}, ?route= or ?previous, several joined by &\n",
                    names.join(", ")
                ));
            }
            if !matches!(&*value, "" | "true") {
                return Err(format!(
                    "query {key:?}: found {value:?}, expected no value or `true`; leave out what is not wanted\n"
                ));
            }
            match section {
                Some(section) => parsed.sections.push(section),
                None => parsed.previous = true,
            }
        }
        Ok(parsed)
    }

    fn asks_for(&self, section: Section) -> bool {
        self.sections.is_empty() || self.sections.contains(&section)
    }

    /// The sections that were asked for, with their roots.
    fn find(&self, recorder: &Recorder) -> Vec<(Section, Found)> {
        let is_narrow = !self.sections.is_empty() || self.route.is_some();
        let most = if is_narrow { MANY } else { FEW };
        let asked = Section::ALL
            .into_iter()
            .filter(|section| self.asks_for(*section));
        let sections = asked.map(|section| {
            let mut list = section.list(recorder);
            if let Some(route) = &self.route {
                list = list.named(route);
            }
            (section, list.first(most))
        });
        sections.collect()
    }
}

/// Answers `/traces` and `/traces/{trace_id}`.
pub(super) fn answer(status: &Status, uri: &Uri, headers: &HeaderMap) -> Answer {
    let identity = &Identity::of(status);
    let Some(recorder) = status.recorder() else {
        return recorder_is_off();
    };
    let is_json = accepts_json(headers);
    let id = uri.path().strip_prefix("/traces/").unwrap_or_default();
    if id.is_empty() {
        return match Query::parse(uri.query().unwrap_or_default()) {
            Err(unknown) => text(StatusCode::BAD_REQUEST, unknown),
            Ok(query) if query.previous => previous(status, identity, is_json),
            Ok(query) => {
                let live = match query.asks_for(Section::Open) {
                    true => Live::read(status, recorder),
                    false => Live::default(),
                };
                let sections = query.find(recorder);
                match is_json {
                    true => json(&json::list(identity, recorder, &live, &sections)),
                    false => text(
                        StatusCode::OK,
                        list::text(identity, recorder, &live, &sections),
                    ),
                }
            }
        };
    }
    trace(recorder, identity, id, is_json)
}

/// What the last process left in the file of the last words.
fn previous(status: &Status, identity: &Identity<'_>, is_json: bool) -> Answer {
    let Some(last_words) = status.last_words() else {
        return text(StatusCode::NOT_FOUND, NO_FILE);
    };
    let Some(previous) = last_words.previous() else {
        return text(StatusCode::NOT_FOUND, NO_PREVIOUS);
    };
    let report = &previous.report;
    if is_json {
        return json(&json::previous(identity, report));
    }
    text(StatusCode::OK, identity.heading() + "\n" + &report.text)
}

fn trace(recorder: &Recorder, identity: &Identity<'_>, id: &str, is_json: bool) -> Answer {
    let trace_id = match query::trace_id(id) {
        Ok(trace_id) => trace_id,
        Err(sentence) => return text(StatusCode::BAD_REQUEST, sentence),
    };
    let roots = recorder.trace(trace_id);
    if roots.is_empty() {
        let instance = &identity.instance;
        return text(
            StatusCode::NOT_FOUND,
            format!(
                "instance {instance} has nothing of trace {trace_id}: another instance served it, or it was not kept or not \
                 recorded here; `/traces` lists what is here\n"
            ),
        );
    }
    match is_json {
        true => json(&json::trace(identity, &roots)),
        false => text(StatusCode::OK, waterfall::text(identity, &roots)),
    }
}

/// The duration of a root, up to now if it is open.
fn duration(root: &RootView, now: u64) -> u64 {
    root.ended.unwrap_or(now).saturating_sub(root.started)
}

#[cfg(test)]
mod tests;
