//! `/errors`: the errors of this process, in groups.
//!
//! They are shown as text for people and as JSON for programs.

mod json;
mod list;

use http::{HeaderMap, StatusCode, Uri};

use super::{
    answer::{Answer, accepts_json, json, recorder_is_off, text},
    identity::Identity,
};
use crate::{
    recorder::{ErrorGroup, ErrorsView},
    status::Status,
};

/// The version of the JSON format.
const FORMAT: u32 = 1;

/// Which groups a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Query {
    All,
    /// The groups that are new in this process.
    New,
}

impl Query {
    /// Parses the query of a request.
    ///
    /// An unknown key or value is an error that names the known one.
    fn parse(query: &str) -> Result<Self, String> {
        let mut parsed = Self::All;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("since", "start") => parsed = Self::New,
                ("since", value) => {
                    return Err(format!(
                        "unknown value {value:?} of ?since=: expected ?since=start\n"
                    ));
                }
                (key, _) => {
                    return Err(format!("unknown query {key:?}: expected ?since=start\n"));
                }
            }
        }
        Ok(parsed)
    }

    /// Whether the answer has a group.
    ///
    /// If it is not known which groups are new, all of them are listed.
    fn lists(self, errors: &ErrorsView, group: &ErrorGroup) -> bool {
        self == Self::All || errors.is_new(group) != Some(false)
    }
}

/// Answers `/errors`.
pub(super) fn answer(status: &Status, uri: &Uri, headers: &HeaderMap) -> Answer {
    let Some(recorder) = status.recorder() else {
        return recorder_is_off();
    };
    let query = match Query::parse(uri.query().unwrap_or_default()) {
        Ok(query) => query,
        Err(unknown) => return text(StatusCode::BAD_REQUEST, unknown),
    };
    let identity = &Identity::of(status);
    let errors = recorder.errors().read();
    if accepts_json(headers) {
        json(&json::list(identity, &errors, query))
    } else {
        text(StatusCode::OK, list::text(identity, &errors, query))
    }
}

/// The number of errors of a group in a second, since its first one.
fn rate(group: &ErrorGroup, now: u64) -> f64 {
    let seconds = now.saturating_sub(group.first_seen) as f64 / 1e9;
    group.count as f64 / seconds.max(1.0)
}

#[cfg(test)]
mod tests;
