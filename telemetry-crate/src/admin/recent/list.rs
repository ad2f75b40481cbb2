//! The list of local roots as text.

use std::fmt::Write;

use super::{Section, duration};
use crate::{
    admin::{identity::Identity, one_line::one_line, time},
    recorder::{Found, Recorder, RootView},
};

/// Largest number of characters of a name.
const NAME: usize = 48;

/// Largest number of characters of a detail.
const DETAIL: usize = 240;

/// Returns the sections, each root with one or two lines.
pub(super) fn text(
    identity: &Identity<'_>,
    recorder: &Recorder,
    sections: &[(Section, Found)],
) -> String {
    let now = time::now();
    let mut text = identity.heading();
    for (section, found) in sections {
        // Writing to a `String` cannot fail, here and below.
        let _ = write!(text, "\n{}: {}", section.name(), found.all);
        if found.roots.is_empty() {
            text.push('\n');
            continue;
        }
        let _ = writeln!(text, ", {}", section.order());
        for root in &found.roots {
            push_root(&mut text, root, now);
        }
        let more = found.all.saturating_sub(found.roots.len());
        if more > 0 {
            let _ = writeln!(text, "  and {more} more: /traces?{}", section.name());
        }
    }
    let lost = recorder.losses().filter(|(_, count)| *count > 0);
    let lost: Vec<_> = lost
        .map(|(reason, count)| format!("{count} {}", reason.replace('_', " ")))
        .collect();
    if !lost.is_empty() {
        let _ = writeln!(text, "\nnot kept: {}", lost.join(", "));
    }
    text += "\none trace with its spans and events: /traces/<trace id>\n";
    text
}

fn push_root(text: &mut String, root: &RootView, now: u64) {
    let took = time::spoken(duration(root, now));
    let name = one_line(&root.name, NAME);
    let _ = writeln!(
        text,
        "  {took:>9}  {name:<NAME$}  {}  {}, started {}",
        root.trace_id,
        root.kind(),
        time::date(root.started)
    );
    if root.ended.is_none() || root.has_outliving_spans() {
        push_open(text, root, now);
    } else if root.outcome() != "ok" {
        push_detail(text, &root.failure());
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
        push_detail(text, &format!("in {} for {since}{about}", span.name));
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

fn push_detail(text: &mut String, detail: &str) {
    if !detail.is_empty() {
        let _ = writeln!(text, "             {}", one_line(detail, DETAIL));
    }
}
