//! `/traces`: the local roots in the flight recorder.
//!
//! They are shown as text for people and as JSON for programs.

mod json;
mod list;
mod live;
mod time;
mod waterfall;

use http::{HeaderMap, StatusCode, Uri, header};
use opentelemetry::trace::TraceId;

use self::live::Live;
use super::answer::{Answer, response, text};
use crate::{
    recorder::{Found, Recorder, RootView},
    status::Status,
};

/// The number of roots of each section in a list of all sections.
const FEW: usize = 20;

/// The number of roots in the list of one section or one name.
const MANY: usize = 1_000;

/// The version of the JSON format.
const FORMAT: u32 = 1;

const OFF: &str = "the flight recorder is off: unset FIRSTLIGHT_RECORDER, or set it to `on`\n";

/// Who answers, so that the answers of several replicas are told apart.
#[derive(Debug)]
struct Identity<'a> {
    service: &'a str,
    version: &'a str,
    instance: &'a str,
}

impl<'a> Identity<'a> {
    fn of(status: &'a Status) -> Self {
        Self {
            service: status.resource("service.name"),
            version: status.resource("service.version"),
            instance: status.resource("service.instance.id"),
        }
    }
}

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
            Self::Slowest => "the slowest of each name first",
        }
    }

    fn find(self, recorder: &Recorder, most: usize) -> Found {
        match self {
            Self::Open => recorder.open(most),
            Self::Failed => recorder.failed(most),
            Self::Canceled => recorder.canceled(most),
            Self::Slowest => recorder.slowest(most),
            Self::Recent => recorder.recent(most),
        }
    }
}

/// What a request asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Query {
    sections: Vec<Section>,
    /// A part of the name of the roots.
    route: Option<String>,
}

impl Query {
    /// Parses the query of a request.
    ///
    /// An unknown key is an error that names the known ones.
    fn parse(query: &str) -> Result<Self, String> {
        let mut parsed = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if key == "route" {
                let value = value.replace('+', " ");
                let value = percent_encoding::percent_decode_str(&value);
                parsed.route = Some(value.decode_utf8_lossy().into_owned());
                continue;
            }
            let mut sections = Section::ALL.into_iter();
            let Some(section) = sections.find(|section| section.name() == key) else {
                let names = Section::ALL.map(|section| format!("?{}", section.name()));
                return Err(format!(
                    "unknown query {key:?}: expected {} or ?route=, several joined by &\n",
                    names.join(", ")
                ));
            };
            parsed.sections.push(section);
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
            let mut found = section.find(recorder, most);
            if let Some(route) = &self.route {
                found.roots.retain(|root| root.name.contains(route));
                found.all = found.roots.len();
            }
            (section, found)
        });
        sections.collect()
    }
}

/// Answers `/traces` and `/traces/{trace_id}`.
pub(super) fn answer(status: &Status, uri: &Uri, headers: &HeaderMap) -> Answer {
    let identity = &Identity::of(status);
    let Some(recorder) = status.recorder() else {
        return text(StatusCode::NOT_FOUND, OFF);
    };
    let accepts = headers.get_all(header::ACCEPT).iter();
    let is_json = accepts
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("application/json"));
    let id = uri.path().strip_prefix("/traces/").unwrap_or_default();
    if id.is_empty() {
        return match Query::parse(uri.query().unwrap_or_default()) {
            Err(unknown) => text(StatusCode::BAD_REQUEST, unknown),
            Ok(query) => {
                let live = match query.asks_for(Section::Open) {
                    true => Live::read(status, recorder),
                    false => Live::default(),
                };
                let sections = query.find(recorder);
                match is_json {
                    true => json(json::list(identity, recorder, &live, &sections)),
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

fn trace(recorder: &Recorder, identity: &Identity<'_>, id: &str, is_json: bool) -> Answer {
    let trace_id = TraceId::from_hex(id).ok().filter(|_| id.len() == 32);
    let Some(trace_id) = trace_id else {
        let found = id.chars().take(64).collect::<String>();
        return text(
            StatusCode::BAD_REQUEST,
            format!(
                "{found:?} is no trace id: expected 32 hexadecimal digits, as `trace_id` of a log line\n"
            ),
        );
    };
    let roots = recorder.trace(trace_id);
    if roots.is_empty() {
        let instance = &identity.instance;
        return text(
            StatusCode::NOT_FOUND,
            format!(
                "instance {instance} has nothing of trace {trace_id}: it ended some time ago and was neither failed nor slow, \
                 or another instance served it; `/traces` lists what is here\n"
            ),
        );
    }
    match is_json {
        true => json(json::trace(identity, &roots)),
        false => text(StatusCode::OK, waterfall::text(identity, &roots)),
    }
}

fn json(value: serde_json::Value) -> Answer {
    response(StatusCode::OK, "application/json", value.to_string() + "\n")
}

/// A line that names the instance and the time.
fn heading(identity: &Identity<'_>) -> String {
    let Identity {
        service,
        version,
        instance,
    } = identity;
    let now = time::date(time::now());
    let version = if version.is_empty() {
        ""
    } else {
        &format!(" {version}")
    };
    format!("{service}{version}, instance {instance}, {now}\n")
}

/// The text of one line: control characters could forge another one.
fn one_line(text: &str, characters: usize) -> String {
    let mut line: String = (text.chars().take(characters))
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect();
    if text.chars().nth(characters).is_some() {
        line.push('…');
    }
    line
}

/// The duration of a root, up to now if it is open.
fn duration(root: &RootView, now: u64) -> u64 {
    root.ended.unwrap_or(now).saturating_sub(root.started)
}

#[cfg(test)]
mod tests;
