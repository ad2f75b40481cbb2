//! The list of local roots as text.

use std::fmt::Write;

use opentelemetry::trace::TraceId;

use super::{
    FEW, MANY, Section, duration,
    live::{Live, User, nanos},
};
use crate::{
    admin::{identity::Identity, one_line::one_line, time},
    recorder::{Found, Recorder, RootView},
    runtime::LongPoll,
};

/// A stall of fewer nanoseconds is not mentioned.
const MIN_STALL: u64 = 1_000_000_000;

/// Largest number of characters of a name.
const NAME: usize = 48;

/// Largest number of names whose roots are counted.
const NAMES: usize = 5;

/// Largest number of characters of a detail.
const DETAIL: usize = 240;

/// Returns the sections, each root with one or two lines.
pub(super) fn text(
    identity: &Identity<'_>,
    recorder: &Recorder,
    live: &Live,
    sections: &[(Section, Found)],
) -> String {
    let now = time::now();
    let mut text = identity.heading();
    push_polls(&mut text, live);
    push_connections(&mut text, live);
    for (section, found) in sections {
        // Writing to a `String` cannot fail, here and below.
        let _ = write!(text, "\n{}: {}", section.name(), found.all);
        if found.roots.is_empty() {
            text.push('\n');
            continue;
        }
        let _ = writeln!(text, ", {}", section.order());
        for root in &found.roots {
            push_root(&mut text, root, live, now);
        }
        push_names(&mut text, &found.names);
        let more = found.all.saturating_sub(found.roots.len());
        let section = section.name();
        let _ = match found.roots.len() {
            _ if more == 0 => Ok(()),
            0..MANY => writeln!(text, "  and {more} more: /traces?{section}"),
            MANY.. => writeln!(
                text,
                "  and {more} more: /traces?{section}&route=<part of a name>"
            ),
        };
    }
    let lost = recorder.losses().filter(|(_, count)| *count > 0);
    let lost: Vec<_> = lost
        .map(|(reason, count)| format!("{count} {}", reason.replace('_', " ")))
        .collect();
    if !lost.is_empty() {
        let _ = writeln!(
            text,
            "\nnot kept since the start, of all lists: {}",
            lost.join(", ")
        );
    }
    text += "\none trace with its spans and events: /traces/<trace id>\n";
    text
}

/// The most frequent names of a list that is longer than what is shown.
///
/// A storm of one name would hide all others.
fn push_names(text: &mut String, names: &[(usize, String)]) {
    if names.len() < 2 {
        return;
    }
    let first = names.iter().take(NAMES);
    let first: Vec<_> = first
        .map(|(count, name)| format!("{count} of {}", one_line(name, NAME)))
        .collect();
    let others = match names.len().saturating_sub(NAMES) {
        0 => String::new(),
        others => format!(", and {others} more names"),
    };
    let _ = writeln!(text, "  in all: {}{others}", first.join(", "));
}

/// The code that keeps other tasks from running.
fn push_polls(text: &mut String, live: &Live) {
    if live.polls.is_empty() {
        return;
    }
    let stalled = match live.stalled {
        0..MIN_STALL => String::new(),
        stalled => format!("runs no task for {}; ", time::spoken(stalled)),
    };
    let _ = writeln!(text, "\nruntime: {stalled}in one poll:");
    for LongPoll { place, lasts } in &live.polls {
        let span = place.span_name.as_ref();
        let span = span.map_or_else(String::new, |span| format!("  in {span}"));
        push_use(
            text,
            nanos(*lasts),
            &place.root_name,
            Some(place.trace_id),
            &span,
        );
    }
}

/// The pools, with the roots that hold their connections or wait for one.
fn push_connections(text: &mut String, live: &Live) {
    for pool in &live.pools {
        if pool.used == 0 && pool.users.is_empty() {
            continue;
        }
        let _ = match &pool.name {
            Some(name) => writeln!(
                text,
                "\nconnections: pool {} {} of {} used",
                one_line(name, NAME),
                pool.used,
                pool.max
            ),
            None => writeln!(text, "\nconnections: pool not known"),
        };
        let holders = pool.users.iter().filter(|user| user.holds);
        for user in holders {
            push_user(text, user, "holds one");
        }
        if pool.unseen > 0 {
            let _ = writeln!(
                text,
                "  {} held by code whose use is not seen, such as canceled calls whose statement still runs, and calls \
                 without `.instrumented()`",
                pool.unseen
            );
        }
        for user in &pool.possible {
            push_user(text, user, "may hold one");
        }
        let waiting = pool.users.iter().filter(|user| !user.holds);
        let count = waiting.clone().count();
        for user in waiting.take(FEW) {
            push_user(text, user, "waits for one");
        }
        if count > FEW {
            let _ = writeln!(text, "  and {} more that wait for one", count - FEW);
        }
    }
    if live.unlisted > 0 {
        let _ = writeln!(
            text,
            "  since the start, {} uses were not listed, because there were too many at once",
            live.unlisted
        );
    }
}

fn push_user(text: &mut String, user: &User, state: &str) {
    let what = format!("  {state}, {}", user.what);
    push_use(text, user.lasts, &user.root_name, user.trace_id, &what);
}

fn push_use(text: &mut String, lasts: u64, root: &str, trace_id: Option<TraceId>, what: &str) {
    let trace_id = trace_id.map_or_else(|| "-".to_owned(), |id| id.to_string());
    let _ = writeln!(
        text,
        "  {:>9}  {:<NAME$}  {trace_id}{}",
        time::spoken(lasts),
        one_line(root, NAME),
        one_line(what, DETAIL)
    );
}

fn push_root(text: &mut String, root: &RootView, live: &Live, now: u64) {
    let took = time::spoken(duration(root, now));
    let name = one_line(&root.name, NAME);
    let _ = writeln!(
        text,
        "  {took:>9}  {name:<NAME$}  {}  {}, started {}",
        root.trace_id,
        root.kind(),
        time::date(root.started)
    );
    if root.is_unsuccessful() {
        push_failure(text, root, now);
    }
    if root.is_open() {
        push_open(text, root, now);
        for line in live.of(root) {
            push_detail(text, &line);
        }
    }
    if root.cut > 0 {
        push_detail(text, &format!("{} bytes of its detail were cut", root.cut));
    }
}

fn push_open(text: &mut String, root: &RootView, now: u64) {
    if root.has_outliving_spans() {
        let open = root.open_spans;
        push_detail(
            text,
            &format!("it has ended, and spans that it started have not: {open}"),
        );
    }
    if let Some(span) = &root.waits_in {
        let since = time::spoken(now.saturating_sub(span.since));
        let about = span.about.as_ref();
        let about = about.map_or_else(String::new, |(key, value)| format!(" ({key}={value})"));
        let at = span.at.as_ref();
        let at = at.map_or_else(String::new, |at| format!(" at {at}"));
        let assumed = match span.is_assumed {
            true => ", if it runs what it ran there before",
            false => "",
        };
        let waits = format!("in {} for {since}{at}{assumed}{about}", span.name);
        push_detail(text, &waits);
    }
    let last = match root.last_event {
        0 => "no event yet".to_owned(),
        last => {
            let ago = time::spoken(now.saturating_sub(last));
            let message = root.events.last().map_or("", |event| &event.message);
            format!("last event {ago} ago: {message}")
        }
    };
    push_detail(text, last.trim_end_matches(": "));
}

/// When, where and why a root failed or was canceled.
fn push_failure(text: &mut String, root: &RootView, now: u64) {
    let span = root.failed_span();
    let ended = span.as_ref().and_then(|span| span.ended).or(root.ended);
    let ago = time::spoken(now.saturating_sub(ended.unwrap_or(now)));
    let (outcome, failure) = (root.outcome(), root.failure());
    match span {
        None => push_detail(
            text,
            format!("{outcome} {ago} ago: {failure}").trim_end_matches(": "),
        ),
        Some(span) => {
            let at = span.at.map_or_else(String::new, |at| format!(" at {at}"));
            let about = span.about;
            let about = about.map_or_else(String::new, |(key, value)| format!(" ({key}={value})"));
            let mut parts = vec![format!("{outcome} {ago} ago in {}{at}{about}", span.name)];
            parts.extend(span.error_type);
            parts.extend(span.error);
            push_detail(text, &parts.join(": "));
            push_detail(text, &failure);
        }
    }
}

fn push_detail(text: &mut String, detail: &str) {
    if !detail.is_empty() {
        let _ = writeln!(text, "             {}", one_line(detail, DETAIL));
    }
}
