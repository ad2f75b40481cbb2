//! The logs signal: one log line per event, with the ids of its span.
//!
//! firstlight has its own `tracing` layer, because the JSON formatter of `tracing-subscriber` parses the fields of every
//! span again for every event, writes duplicate keys, and has no trace ids. With duplicate keys, a downstream parser
//! decides which `level` or `message` wins. Here keys are unique, whatever the names of the program's fields are.
//!
//! `filter` selects events, and `control` changes the filter while the service runs. `fields` collects the fields, `json`
//! or `pretty` formats them, and `writer` writes the line. Lines go to standard output or standard error:
//! files and rotation are the platform's part.

mod bound;
mod bridge;
mod control;
mod counts;
mod export;
mod fields;
mod filter;
mod held;
mod json;
mod labels;
pub(crate) mod otlp;
mod pretty;
mod recorded;
mod rendered_names;
mod schema;
mod span_fields;
mod writer;

#[cfg(test)]
mod tests;

use std::{cell::Cell, sync::Arc, time::SystemTime};

use opentelemetry::trace::TraceContextExt;
use tracing::{
    Dispatch, Event, Level, Subscriber,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    layer::Context,
    registry::{LookupSpan, SpanRef},
};

pub use self::recorded::record;
use self::{
    bound::{IsComplete, write_bounded},
    fields::EventFields,
    json::write_json,
    pretty::write_pretty,
    rendered_names::RenderedNames,
    schema::Keys,
    span_fields::SpanFields,
};
pub(crate) use self::{
    bridge::install as install_bridge,
    control::{Change, FilterState, LogFilterControl, rfc3339},
    counts::LogCounts,
    export::RecordExport,
    filter::LogFilter,
    json::escape,
    otlp::{Record as LogRecord, RecordSink, Records, logs_request},
    writer::LogWriter,
};
use crate::{
    config::LogFormat,
    evidence::{EventNote, EventPlace, EventSink, HeldSink, LineNote, LineTarget},
    log_metadata,
    proto::nanos,
    resource::Resource,
    span_ids::{self, SpanContexts, SpanIds},
    thread,
    values::Pairs,
};

/// A callback that receives the fields of one span.
type VisitSpan<'a> = &'a mut dyn FnMut(&SpanFields);

/// One event, ready to be formatted.
struct LogLine<'a> {
    /// Nanoseconds since the epoch.
    time: u64,
    level: Level,
    target: &'a str,
    /// The ids of the event's span; `None` outside any span.
    ids: Option<SpanIds>,
    /// Whether the span hardly has further lines.
    is_last: bool,
    event: &'a EventFields,
    /// Visits the fields of the event's spans, from the innermost to the root.
    spans: &'a dyn Fn(VisitSpan<'_>),
}

impl LogLine<'_> {
    fn report_to(&self, sink: &dyn EventSink, is_logged: bool, place: Option<EventPlace<'_>>) {
        sink.push(&EventNote {
            time: self.time,
            level: self.level,
            target: self.target,
            ids: self.ids,
            text: self.event.text(),
            fields: self.event.items(),
            is_logged,
            place,
        });
    }
}

/// The buffers of a thread, reused for each line.
#[derive(Default)]
struct Scratch {
    fields: EventFields,
    line: LineBuffer,
}

/// The memory for one line.
#[derive(Default)]
struct LineBuffer {
    out: Vec<u8>,
    names: RenderedNames,
}

thread_local! {
    /// The thread's buffers.
    ///
    /// They are taken out while a line is formatted, because formatting a value may log another event.
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

/// The format of the lines.
#[derive(Debug, Clone)]
enum Style {
    Json(Arc<Keys>),
    Pretty { colors: bool },
}

/// The layer that writes a log line for each event.
#[derive(Debug, Clone)]
pub(crate) struct LogLayer {
    style: Style,
    writer: LogWriter,
    counts: Arc<LogCounts>,
    /// Receives each event as a log record; `None` if these are not exported.
    records: Option<Records>,
    /// Receives each event and each line for the flight recorder.
    sink: Option<Arc<dyn EventSink>>,
    /// The context of a parent that is not the current span.
    contexts: SpanContexts,
}

impl LogLayer {
    pub(crate) fn new(
        format: LogFormat,
        colors: bool,
        resource: &Resource,
        writer: LogWriter,
    ) -> Self {
        let style = match format {
            LogFormat::Pretty => Style::Pretty { colors },
            format => Style::Json(Arc::new(Keys::new(format, resource))),
        };
        let counts = Arc::new(LogCounts::new(writer.clone()));
        Self {
            style,
            writer,
            counts,
            records: None,
            sink: None,
            contexts: SpanContexts::default(),
        }
    }

    /// The contexts of the spans of the subscriber to which the layer was added.
    pub(crate) fn contexts(&self) -> SpanContexts {
        self.contexts.clone()
    }

    /// Also sends each event as an OTLP log record.
    pub(crate) fn with_records(mut self, records: Records) -> Self {
        self.records = Some(records);
        self
    }

    /// Also reports each event and each line to the flight recorder.
    pub(crate) fn report_to(mut self, sink: Arc<dyn EventSink>) -> Self {
        self.sink = Some(sink);
        self
    }

    pub(crate) fn counts(&self) -> Arc<LogCounts> {
        self.counts.clone()
    }

    fn write(&self, buffer: &mut LineBuffer, line: &LogLine<'_>, target: LineTarget<'_>) {
        let LineBuffer { out, names } = buffer;
        let IsComplete(is_complete) = write_bounded(out, |out, limits| match &self.style {
            Style::Json(keys) => write_json(out, line, keys, names, limits),
            Style::Pretty { colors } => write_pretty(out, line, *colors, limits),
        });
        if !is_complete {
            self.counts.count_truncated();
        }
        // Errors are urgent: the last one before a crash often names its cause.
        let is_urgent = line.level == Level::ERROR;
        match &self.sink {
            Some(sink) => self.writer.write_and_report(out, is_urgent, || {
                sink.line(&LineNote {
                    level: line.level,
                    target,
                    trace_id: line.ids.map(|ids| ids.trace_id),
                    text: out,
                });
            }),
            None => self.writer.write(out, is_urgent),
        }
        if let Some(records) = &self.records {
            records.push(line);
        }
    }

    /// The ids of the span to which an event belongs.
    fn ids<S>(&self, event: &Event<'_>, span: Option<&SpanRef<'_, S>>) -> Option<SpanIds>
    where
        S: for<'a> LookupSpan<'a>,
    {
        let ids_of =
            |context: &opentelemetry::Context| SpanIds::from_context(context.span().span_context());
        if thread::is_ending() {
            return None;
        }
        if event.is_contextual() {
            // One thread-local access is enough, because tracing-opentelemetry attaches the context of the current span.
            // Outside a span, the context may be that of a remote parent, or empty.
            return opentelemetry::Context::map_current(ids_of);
        }
        let span = span?.id();
        if let Some(ids) = span_ids::explicit_ids(&span) {
            return ids;
        }
        ids_of(&self.contexts.of(&span)?)
    }
}

impl<S> Layer<S> for LogLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        self.contexts.register(dispatch);
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.fields().is_empty() {
            return;
        }
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
        self.event(event, context, true);
    }
}

impl LogLayer {
    /// Reports an event that is no log line to the flight recorder.
    pub(crate) fn hold<S>(&self, event: &Event<'_>, context: Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        self.event(event, context, false);
    }

    /// The sink for the events of failed roots.
    pub(crate) fn held_sink(&self) -> Arc<dyn HeldSink> {
        Arc::new(held::HeldLines(self.clone()))
    }

    fn event<S>(&self, event: &Event<'_>, context: Context<'_, S>, is_logged: bool)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let normalized = log_metadata::of_record(event);
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        if is_logged {
            self.counts.count(*metadata.level());
        }

        let span = context.event_span(event);
        let spans = |visit: VisitSpan<'_>| {
            let Some(span) = &span else { return };
            visit_fields(span, visit);
            // `SpanRef::scope` would look up the first span again.
            let mut outer = span.parent();
            while let Some(span) = outer {
                visit_fields(&span, visit);
                outer = span.parent();
            }
        };
        // A thread that is ending has no thread-locals any more. Its lines get new buffers.
        let kept = SCRATCH.try_with(Cell::take).unwrap_or_default();
        let mut scratch = kept.unwrap_or_default();
        let Scratch {
            fields,
            line: buffer,
        } = &mut *scratch;
        fields.clear();
        event.record(&mut fields.visitor(normalized.is_some()));
        if let Some(span) = span.as_ref().filter(|_| event.parent().is_some()) {
            recorded::add_to(fields, metadata, span);
        }
        if normalized.is_some() {
            Pairs::current(|pairs| fields.add_pairs(pairs));
        }
        let line = LogLine {
            time: nanos(SystemTime::now()),
            level: *metadata.level(),
            target: metadata.target(),
            ids: self.ids(event, span.as_ref()),
            // The end of a request, a job or a run is logged outside its span.
            is_last: event.parent().is_some(),
            event: fields,
            spans: &spans,
        };
        if is_logged {
            let target = match &normalized {
                Some(metadata) => LineTarget::Text(metadata.target()),
                None => LineTarget::Static(event.metadata().target()),
            };
            self.write(buffer, &line, target);
        }
        if let Some(sink) = &self.sink {
            let place = (line.level == Level::ERROR).then(|| EventPlace {
                file: metadata.file(),
                line: metadata.line(),
                span: span.as_ref().map(SpanRef::name),
            });
            line.report_to(&**sink, is_logged, place);
        }
        let _ = SCRATCH.try_with(|kept| kept.set(Some(scratch)));
    }
}

fn visit_fields<S>(span: &SpanRef<'_, S>, visit: VisitSpan<'_>)
where
    S: for<'a> LookupSpan<'a>,
{
    if let Some(fields) = span.extensions().get::<SpanFields>() {
        visit(fields);
    }
}

/// The mark of a subscriber that has firstlight's layers, found by a downcast.
#[derive(Debug)]
pub(crate) struct Installed {
    contexts: SpanContexts,
}

impl Installed {
    pub(crate) fn new(layer: &LogLayer) -> Self {
        Self {
            contexts: layer.contexts(),
        }
    }
}

impl<S: Subscriber> Layer<S> for Installed {}

/// The value of a span's field, as log lines show it.
#[cfg(feature = "db")]
pub(crate) fn span_field(
    extensions: &tracing_subscriber::registry::Extensions<'_>,
    name: &str,
) -> Option<String> {
    let fields = extensions.get::<SpanFields>()?.fields();
    fields.get(name).map(str::to_owned)
}
