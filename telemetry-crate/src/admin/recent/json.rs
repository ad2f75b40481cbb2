//! The answers of `/traces` as JSON.

use serde_json::{Value, json};

use super::{
    FORMAT, Section, duration,
    live::{Live, PoolState, User},
};
use crate::{
    admin::{identity::Identity, time},
    recorder::{EventView, Found, Recorder, RootView, SpanView, last_words::Report},
    runtime::LongPoll,
    values::Kind,
};

/// Returns the sections, each root with its summary.
pub(super) fn list(
    identity: &Identity<'_>,
    recorder: &Recorder,
    live: &Live,
    sections: &[(Section, Found)],
) -> Value {
    let mut answer = head(identity, recorder, live);
    for (section, found) in sections {
        let roots = found.roots.iter();
        let roots: Vec<_> = roots
            .map(|root| in_section(*section, live, root, summary(root)))
            .collect();
        answer[section.name()] = json!({ "count": found.all, "roots": roots });
    }
    answer
}

/// Returns what an answer has besides its sections.
pub(super) fn head(identity: &Identity<'_>, recorder: &Recorder, live: &Live) -> Value {
    let mut answer = identity.json(FORMAT);
    answer["connections"] = live.pools.iter().map(pool_json).collect();
    answer["runtime"] = json!({
        "stalled_seconds": seconds(live.stalled),
        "polls": live.polls.iter().map(poll_json).collect::<Vec<_>>(),
    });
    answer["not_kept"] = recorder
        .losses()
        .map(|(reason, count)| (reason.to_owned(), count.into()))
        .collect::<serde_json::Map<_, _>>()
        .into();
    answer
}

/// Adds what a root of a section does at the moment.
pub(super) fn in_section(
    section: Section,
    live: &Live,
    root: &RootView,
    mut value: Value,
) -> Value {
    if section == Section::Open {
        value["now"] = live.of(root).into();
    }
    value
}

/// Returns the local roots of a trace with their spans and events.
pub(super) fn trace(identity: &Identity<'_>, roots: &[RootView], backend: Option<&str>) -> Value {
    let mut answer = identity.json(FORMAT);
    answer["backend_url"] = backend.into();
    answer["roots"] = roots.iter().map(whole).collect();
    answer
}

/// Returns a local root with its spans and events.
pub(super) fn whole(root: &RootView) -> Value {
    let mut value = summary(root);
    let spans = root.spans.iter();
    value["spans"] = spans
        .map(|(number, span)| span_json(*number, span))
        .collect();
    value["events"] = root.events.iter().map(event_json).collect();
    value
}

/// Returns what the last process left, if it is known.
pub(super) fn previous(identity: &Identity<'_>, report: Option<&Report>) -> Value {
    let mut answer = identity.json(FORMAT);
    let report = report.map(|report| {
        json!({
            "ended": report.ended,
            "summary": report.summary,
            "text": report.text,
        })
    });
    answer["previous"] = report.into();
    answer
}

fn pool_json(pool: &PoolState) -> Value {
    json!({
        "pool": pool.name,
        "used": pool.used,
        "max": pool.max,
        "unseen": pool.unseen,
        "holders": users(pool.users.iter().filter(|user| user.holds)),
        "possible_holders": users(pool.possible.iter()),
        "waiting": users(pool.users.iter().filter(|user| !user.holds)),
    })
}

fn users<'a>(users: impl Iterator<Item = &'a User>) -> Vec<Value> {
    let json = users.map(|user| {
        json!({
            "trace_id": user.trace_id.map(|id| id.to_string()),
            "span_id": user.root.map(|id| id.to_string()),
            "name": user.root_name,
            "seconds": seconds(user.lasts),
            "what": user.what,
        })
    });
    json.collect()
}

fn poll_json(poll: &LongPoll) -> Value {
    json!({
        "trace_id": poll.place.trace_id.to_string(),
        "span_id": poll.place.root.to_string(),
        "name": poll.place.root_name,
        "in": poll.place.span_name,
        "seconds": poll.lasts.as_secs_f64(),
    })
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

fn summary(root: &RootView) -> Value {
    let now = time::now();
    let mut value = json!({
        "trace_id": root.trace_id.to_string(),
        "span_id": root.span_id.to_string(),
        "kind": root.kind(),
        "name": root.name,
        "outcome": root.outcome(),
        "status": status(root),
        "started": time::exact_date(root.started),
        "duration_seconds": seconds(duration(root, now)),
        "open_spans": root.open_spans,
        "cut_bytes": root.cut,
    });
    if root.is_open() {
        value["waits_in"] = root.waits_in.as_ref().map_or(Value::Null, |span| {
            json!({
                "name": span.name,
                "since": time::date(span.since),
                "seconds": seconds(now.saturating_sub(span.since)),
                "at": span.at,
                "assumed": span.is_assumed,
                "attributes": attributes(&span.about),
            })
        });
    }
    if root.is_unsuccessful() {
        value["failure"] = root.failure().into();
        value["failed_in"] = root.failed_span().map_or(Value::Null, |span| {
            let since = span.ended.unwrap_or(now);
            json!({
                "name": span.name,
                "since": time::date(since),
                "seconds": seconds(now.saturating_sub(since)),
                "at": span.at,
                "error_type": span.error_type,
                "error": span.error,
                "attributes": attributes(&span.about),
            })
        });
    }
    if root.last_event > 0 {
        value["last_event"] = time::date(root.last_event).into();
    }
    value
}

/// The number of an HTTP status, or the word of a gRPC status; null without one.
fn status(root: &RootView) -> Value {
    let http = root.at_end("http.response.status_code");
    match http.and_then(|code| code.parse::<u16>().ok()) {
        Some(code) => code.into(),
        None => root.at_end("rpc.status_code").into(),
    }
}

fn attributes<'a>(pairs: impl IntoIterator<Item = &'a (String, String)>) -> Value {
    let pairs = pairs.into_iter();
    let pairs: serde_json::Map<_, _> = pairs
        .map(|(key, value)| (key.clone(), value.clone().into()))
        .collect();
    pairs.into()
}

fn span_json(number: u32, span: &SpanView) -> Value {
    json!({
        "number": number,
        "parent": span.parent,
        "span_id": span.span_id.to_string(),
        "name": span.name,
        "started": time::exact_date(span.started),
        "ended": span.ended.map(time::exact_date),
        "duration_seconds": span.ended.map(|ended| seconds(ended.saturating_sub(span.started))),
        "error": span.error,
        "attributes": attributes(&span.attributes),
    })
}

fn event_json(event: &EventView) -> Value {
    let fields = event.fields.iter();
    let fields: serde_json::Map<_, _> = fields
        .map(|(name, value, kind)| (name.clone(), field_json(value, *kind)))
        .collect();
    json!({
        "span_id": event.span_id.to_string(),
        "time": time::exact_date(event.time),
        "level": event.level.as_str(),
        "target": event.target,
        "message": event.message,
        "fields": fields,
        "logged": event.is_logged,
    })
}

/// A number or a boolean stays one, as on a log line.
fn field_json(value: &str, kind: Kind) -> Value {
    let bare = (kind == Kind::Bare).then(|| serde_json::from_str(value).ok());
    bare.flatten().unwrap_or_else(|| value.into())
}
