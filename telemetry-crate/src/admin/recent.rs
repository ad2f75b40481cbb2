//! `/traces`: the local roots in the flight recorder.
//!
//! They are shown as text for people and as JSON for programs.

mod detail;
mod json;
mod list;
mod live;
mod query;
mod waterfall;

use http::{HeaderMap, Method, Request, StatusCode};

pub(super) use self::live::{Live, PoolState, User};
use self::query::{Query, Section};
use super::{
    answer::{Answer, accepts_json, json, recorder_is_off, text},
    identity::Identity,
    query::trace_id,
    streams::Streams,
};
use crate::{
    recorder::{Recorder, RootView},
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

/// Answers `/traces` and `/traces/{trace_id}`.
///
/// # Panics
///
/// Panics outside a tokio runtime.
pub(super) fn answer<B>(status: &Status, streams: &Streams, request: &Request<B>) -> Answer {
    let Some(recorder) = status.recorder() else {
        return recorder_is_off();
    };
    let (uri, headers) = (request.uri(), request.headers());
    let id = uri.path().strip_prefix("/traces/").unwrap_or_default();
    if !id.is_empty() {
        return trace(status, recorder, id, headers);
    }
    match Query::parse(uri.query().unwrap_or_default()) {
        Err(unknown) => text(StatusCode::BAD_REQUEST, unknown),
        Ok(query) if query.previous => previous(status, headers),
        Ok(query) if query.detail => {
            let is_sent = *request.method() != Method::HEAD;
            detail::answer(status, recorder, streams, &query, is_sent)
        }
        Ok(query) => list_of(status, recorder, &query, headers),
    }
}

fn list_of(status: &Status, recorder: &Recorder, query: &Query, headers: &HeaderMap) -> Answer {
    let identity = &Identity::of(status);
    let live = live_for(status, recorder, query);
    let sections = query.find(recorder);
    match accepts_json(headers) {
        true => json(&json::list(identity, recorder, &live, &sections)),
        false => text(
            StatusCode::OK,
            list::text(identity, recorder, &live, &sections),
        ),
    }
}

/// What the open roots do, if the client asks for them.
fn live_for(status: &Status, recorder: &Recorder, query: &Query) -> Live {
    match query.asks_for(Section::Open) {
        true => Live::read(status, recorder),
        false => Live::default(),
    }
}

/// What the last process left in the file of the last words.
fn previous(status: &Status, headers: &HeaderMap) -> Answer {
    let identity = &Identity::of(status);
    let Some(last_words) = status.last_words() else {
        return text(StatusCode::NOT_FOUND, NO_FILE);
    };
    let Some(previous) = last_words.previous() else {
        return text(StatusCode::NOT_FOUND, NO_PREVIOUS);
    };
    let report = &previous.report;
    if accepts_json(headers) {
        return json(&json::previous(identity, report));
    }
    text(StatusCode::OK, identity.heading() + "\n" + &report.text)
}

fn trace(status: &Status, recorder: &Recorder, id: &str, headers: &HeaderMap) -> Answer {
    let identity = &Identity::of(status);
    let trace_id = match trace_id(id) {
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
    let backend = status.trace_url(trace_id);
    match accepts_json(headers) {
        true => json(&json::trace(identity, &roots, backend.as_deref())),
        false => text(
            StatusCode::OK,
            waterfall::text(identity, &roots, backend.as_deref()),
        ),
    }
}

/// The duration of a root, up to now if it is open.
fn duration(root: &RootView, now: u64) -> u64 {
    root.ended.unwrap_or(now).saturating_sub(root.started)
}
