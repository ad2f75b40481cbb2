//! The two log events about statements: a slow query, and an N+1.
//!
//! The events are built without macros, as an [`Observer`](crate::observer::Observer) requires.

use std::time::Duration;

use tracing::{
    Event, Level, Metadata,
    callsite::{Callsite, Identifier},
    field::{FieldSet, Value},
    metadata::Kind,
    span::Id,
    subscriber::Interest,
};

use super::{TARGET, unit_of_work::Repeat};
use crate::{observer::Log, traces::QUERY_TARGET};

/// Callsite of an event, which `tracing` requires.
///
/// It is not zero-sized, so that two callsites never have the same address.
struct EventCallsite(&'static Metadata<'static>);

impl Callsite for EventCallsite {
    // No interest is cached: the log filter decides about each event.
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.0
    }
}

const fn metadata(
    name: &'static str,
    target: &'static str,
    level: Level,
    fields: &'static [&'static str],
    site: &'static EventCallsite,
) -> Metadata<'static> {
    let fields = FieldSet::new(fields, Identifier(site));
    Metadata::new(name, target, level, None, None, None, fields, Kind::EVENT)
}

static SLOW_CALLSITE: EventCallsite = EventCallsite(&SLOW);
static SLOW: Metadata<'static> = metadata(
    "slow query",
    TARGET,
    Level::WARN,
    &[
        "message",
        "db.query.summary",
        "db.client.operation.duration",
        "slow_query.threshold",
    ],
    &SLOW_CALLSITE,
);

static REPEATED_CALLSITE: EventCallsite = EventCallsite(&REPEATED);
static REPEATED: Metadata<'static> = metadata(
    "n plus one",
    TARGET,
    Level::WARN,
    &[
        "message",
        "db.query.summary",
        "sql.n_plus_one.count",
        "sql.queries",
        "code.function.name",
        "code.file.path",
        "code.line.number",
    ],
    &REPEATED_CALLSITE,
);

static STATEMENT_CALLSITE: EventCallsite = EventCallsite(&STATEMENT);
static STATEMENT: Metadata<'static> = metadata(
    "statement",
    QUERY_TARGET,
    Level::DEBUG,
    &["message"],
    &STATEMENT_CALLSITE,
);

/// Returns metadata like that of sqlx's log lines about statements.
///
/// The log filter decides by this metadata whether sqlx's log lines are written.
pub(super) fn sqlx_statement_metadata() -> &'static Metadata<'static> {
    &STATEMENT
}

/// Logs a statement that took longer than the threshold, in its span.
pub(super) fn slow(summary: &str, elapsed: Duration, threshold: Duration, log: Log<'_>) {
    // Rounded to microseconds: more digits are only noise for a reader.
    let seconds = (elapsed.as_secs_f64() * 1e6).round() / 1e6;
    let message = format!("slow query: {summary} took {seconds} s");
    let threshold = threshold.as_secs_f64();
    send(
        &SLOW,
        None,
        [
            Some(&message),
            Some(&summary),
            Some(&seconds),
            Some(&threshold),
        ],
        log,
    );
}

/// Logs a repeated statement in the span of its unit of work.
///
/// `queries` is the number of all statements of the unit.
pub(super) fn repeated(span: &Id, repeat: &Repeat, queries: u32, log: Log<'_>) {
    let (summary, count) = (&*repeat.statement.summary, repeat.count);
    let function = repeat.site.function;
    let (path, line) = (repeat.site.file, repeat.site.line);
    let location = match (function, path, line) {
        (Some(function), Some(path), Some(line)) => format!(", in {function} ({path}:{line})"),
        (Some(function), ..) => format!(", in {function}"),
        (None, Some(path), Some(line)) => format!(", at {path}:{line}"),
        (None, ..) => String::new(),
    };
    let message = format!("N+1: {summary} ran {count} times in one unit of work{location}");
    send(
        &REPEATED,
        Some(span),
        [
            Some(&message),
            Some(&summary),
            Some(&count),
            Some(&queries),
            function.as_ref().map(|value| value as &dyn Value),
            path.as_ref().map(|value| value as &dyn Value),
            line.as_ref().map(|value| value as &dyn Value),
        ],
        log,
    );
}

/// Sends an event to the current subscriber, outside of a layer.
pub(super) fn dispatch(event: &Event<'_>) {
    tracing::dispatcher::get_default(|subscriber| {
        if subscriber.enabled(event.metadata()) {
            subscriber.event(event);
        }
    });
}

/// Sends an event with values in the order of the metadata's fields.
///
/// Without a span, the event is in the current span.
fn send<const N: usize>(
    metadata: &'static Metadata<'static>,
    span: Option<&Id>,
    values: [Option<&dyn Value>; N],
    log: Log<'_>,
) {
    let fields: Vec<_> = metadata.fields().iter().take(N).collect();
    if fields.len() < N {
        return;
    }
    let values: [_; N] = std::array::from_fn(|index| (&fields[index], values[index]));
    let values = metadata.fields().value_set(&values);
    log(&match span {
        Some(span) => Event::new_child_of(span.clone(), metadata, &values),
        None => Event::new(metadata, &values),
    });
}
