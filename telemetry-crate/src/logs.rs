//! Logs: one event becomes one line, with the trace it belongs to.
//!
//! A `tracing` layer of our own. The stock JSON formatter parses every span's fields again for every event, writes
//! duplicate keys, and knows no trace ids; a downstream parser then decides which `level` or `message` wins. Here keys
//! are unique by construction, whatever the program's fields are called.
//!
//! The flow: `filter` decides (and `control` changes it while the service runs), `fields` collects, `json` or `pretty` formats, `writer` writes. Left out on
//! purpose: files and rotation. A service writes to standard output, and its platform takes it from there.

mod bound;
mod bridge;
mod control;
mod export;
mod fields;
mod filter;
mod json;
mod labels;
pub(crate) mod otlp;
mod pretty;
mod schema;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    cell::Cell,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use opentelemetry::trace::TraceContextExt;
use tracing::{
    Dispatch, Event, Level, Subscriber,
    dispatcher::WeakDispatch,
    span::{Attributes, Id, Record},
};
use tracing_log::NormalizeEvent;
use tracing_subscriber::{
    Layer,
    layer::Context,
    registry::{LookupSpan, SpanRef},
};

use self::{
    bound::{IsWhole, write_bounded},
    fields::{EventFields, Fields, SpanFields},
    json::write_json,
    pretty::write_pretty,
    schema::Keys,
};
pub(crate) use self::{
    bridge::install as install_bridge,
    control::{Change, LogFilterControl, rfc3339},
    export::RecordExport,
    filter::LogFilter,
    json::escape,
    otlp::{Record as LogRecord, RecordSink, Records, logs_request},
    writer::LogWriter,
};
use crate::{
    catalog,
    collector::{Collector, Samples},
    config::LogFormat,
    resource::Resource,
    span_ids::{self, SpanIds},
    thread,
    values::Pairs,
};

/// Takes the fields of one span.
type Show<'a> = &'a mut dyn FnMut(&Fields);

/// One event, ready to be formatted.
struct Line<'a> {
    time: SystemTime,
    level: Level,
    target: &'a str,
    /// Of the span that the event belongs to; absent outside any span.
    ids: Option<SpanIds>,
    event: &'a EventFields,
    /// Shows the fields of its spans, from the innermost to the root.
    spans: &'a dyn Fn(Show<'_>),
}

/// What a thread needs to make a line, kept from line to line.
#[derive(Default)]
struct Scratch {
    fields: EventFields,
    out: Vec<u8>,
}

thread_local! {
    /// Taken out while a line is made: what the program logs may log itself.
    static SCRATCH: Cell<Scratch> = Cell::default();
}

/// How a line is formatted.
#[derive(Debug, Clone)]
enum Style {
    Json(Arc<Keys>),
    Pretty { colours: bool },
}

/// The layer that turns events into lines.
#[derive(Debug, Clone)]
pub(crate) struct LogLayer {
    style: Style,
    writer: LogWriter,
    counts: Arc<LogCounts>,
    /// Where every line goes as an OTLP record, too; without, that costs one branch.
    records: Option<Records>,
    /// For the ids of an event whose parent is not the current span.
    dispatch: Arc<OnceLock<WeakDispatch>>,
}

impl LogLayer {
    pub(crate) fn new(
        format: LogFormat,
        colours: bool,
        resource: &Resource,
        writer: LogWriter,
    ) -> Self {
        let style = match format {
            LogFormat::Pretty => Style::Pretty { colours },
            format => Style::Json(Arc::new(Keys::new(format, resource))),
        };
        let counts = Arc::new(LogCounts {
            by_level: Default::default(),
            truncated: AtomicU64::new(0),
            writer: writer.clone(),
        });
        Self {
            style,
            writer,
            counts,
            records: None,
            dispatch: Arc::default(),
        }
    }

    /// Sends every line as an OTLP record, too.
    pub(crate) fn with_records(mut self, records: Records) -> Self {
        self.records = Some(records);
        self
    }

    pub(crate) fn counts(&self) -> Arc<LogCounts> {
        self.counts.clone()
    }

    fn write(&self, out: &mut Vec<u8>, line: &Line<'_>) {
        let IsWhole(is_whole) = write_bounded(out, |out, room| match &self.style {
            Style::Json(keys) => write_json(out, line, keys, room),
            Style::Pretty { colours } => write_pretty(out, line, *colours, room),
        });
        if !is_whole {
            self.counts.truncated.fetch_add(1, Ordering::Relaxed);
        }
        // A process that dies often says why in its last lines.
        self.writer.write(out, line.level == Level::ERROR);
        if let Some(records) = &self.records {
            records.push(line);
        }
    }

    /// The trace and span that an event belongs to.
    fn ids<S>(&self, event: &Event<'_>, span: Option<&SpanRef<'_, S>>) -> Option<SpanIds>
    where
        S: for<'a> LookupSpan<'a>,
    {
        let ids_of = |context: &opentelemetry::Context| SpanIds::of(context.span().span_context());
        // One thread-local access: tracing-opentelemetry keeps the current span's context active. It also is the
        // context of a remote parent, or none at all.
        if thread::is_ending() {
            return None;
        }
        if event.is_contextual() {
            return opentelemetry::Context::map_current(ids_of);
        }
        let span = span?.id();
        if let Some(ids) = span_ids::explicit_ids(&span) {
            return ids;
        }
        let dispatch = self.dispatch.get()?.upgrade()?;
        let context = tracing_opentelemetry::get_otel_context(&span, &dispatch)?;
        ids_of(&context)
    }
}

impl<S> Layer<S> for LogLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        // The first subscriber that this layer becomes part of is the one that it stays in.
        let _ = self.dispatch.set(dispatch.downgrade());
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = SpanFields::with_capacity(attributes.fields().len());
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<SpanFields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        self.counts.count(*metadata.level());

        let span = context.event_span(event);
        let spans = |show: Show<'_>| {
            for span in span.iter().flat_map(SpanRef::scope) {
                if let Some(fields) = span.extensions().get::<SpanFields>() {
                    show(fields.fields());
                }
            }
        };
        // A thread that ends has none any more; its last lines are written all the same.
        let mut scratch = SCRATCH.try_with(Cell::take).unwrap_or_default();
        let Scratch { fields, out } = &mut scratch;
        fields.clear();
        event.record(&mut fields.of_event(normalized.is_some()));
        if normalized.is_some() {
            Pairs::current(|pairs| fields.add_pairs(pairs));
        }
        self.write(
            out,
            &Line {
                time: SystemTime::now(),
                level: *metadata.level(),
                target: metadata.target(),
                ids: self.ids(event, span.as_ref()),
                event: fields,
                spans: &spans,
            },
        );
        let _ = SCRATCH.try_with(|kept| kept.set(scratch));
    }
}

/// In a subscriber that has it, events of the calling thread become lines.
#[derive(Debug)]
pub(crate) struct Installed;

impl<S: Subscriber> Layer<S> for Installed {}

/// The value of a field of a span, as its log lines have it.
#[cfg(feature = "sqlx")]
pub(crate) fn span_field(
    extensions: &tracing_subscriber::registry::Extensions<'_>,
    name: &str,
) -> Option<String> {
    let fields = extensions.get::<SpanFields>()?.fields();
    fields.get(name).map(str::to_owned)
}

/// What became of the log lines, for the metrics page.
#[derive(Debug)]
pub(crate) struct LogCounts {
    by_level: [AtomicU64; 5],
    /// Lines that do not have everything.
    truncated: AtomicU64,
    writer: LogWriter,
}

const LEVELS: [(Level, &str); 5] = [
    (Level::ERROR, "error"),
    (Level::WARN, "warn"),
    (Level::INFO, "info"),
    (Level::DEBUG, "debug"),
    (Level::TRACE, "trace"),
];

impl LogCounts {
    fn count(&self, level: Level) {
        for ((known, _), counter) in LEVELS.iter().zip(&self.by_level) {
            if *known == level {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl LogCounts {
    /// Lines since the start.
    pub(crate) fn total(&self) -> u64 {
        self.by_level
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .sum()
    }
}

impl Collector for LogCounts {
    fn collect(&self, samples: &mut dyn Samples) {
        for ((_, name), counter) in LEVELS.iter().zip(&self.by_level) {
            samples.sample(
                &catalog::LOGGING_EVENTS,
                &[("level", name)],
                counter.load(Ordering::Relaxed) as f64,
            );
        }
        samples.sample(
            &catalog::LOGGING_EVENTS_TRUNCATED,
            &[],
            self.truncated.load(Ordering::Relaxed) as f64,
        );
        samples.sample(
            &catalog::LOGGING_EVENTS_DROPPED,
            &[],
            self.writer.dropped() as f64,
        );
    }
}
