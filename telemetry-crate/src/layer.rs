//! What makes spans, span events and log lines, as one `tracing` layer.
//!
//! The layers behind it would ask the registry for the span once each, on every span and whenever one is entered, left or
//! closed, only to learn whether they may see it. One layer that knows the filters need not ask. It also makes the values
//! of a span plain, once, before any of them sees it: see [`values`](crate::values).
//!
//! `tracing-opentelemetry`'s layer, which makes the spans, is inside. `OpenTelemetrySpanExt` looks for such a layer in the
//! subscriber; the one that it finds is a [`Lookup`], which has the same tracer and sees no span.

use std::cell::Cell;

use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_log::NormalizeEvent;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, Filter, SubscriberExt},
    registry::LookupSpan,
};

#[cfg(feature = "sqlx")]
use crate::sqlx::QueryLayer;
use crate::{
    logs::{LogFilter, LogLayer},
    thread,
    traces::{SpanEvents, SpanTracer, Traces},
    values::{with_plain_attributes, with_plain_record},
};

/// What becomes of spans and events, before it is part of a subscriber.
#[derive(Debug, Clone)]
pub(crate) struct Pillars {
    logs: LogLayer,
    events: SpanEvents,
    tracer: SpanTracer,
    filter: PillarsFilter,
    #[cfg(feature = "sqlx")]
    queries: QueryLayer,
}

/// In a subscriber that has it, events of the calling thread become lines.
#[derive(Debug)]
pub(crate) struct Installed;

impl<S: Subscriber> Layer<S> for Installed {}

/// See the module. In a subscriber of ours it decides alone; in a program's own it needs a [`PillarsFilter`] around it.
struct PillarsLayer<S> {
    spans: OpenTelemetryLayer<S, SpanTracer>,
    pillars: Pillars,
}

/// What any of the pillars wants.
#[derive(Debug, Clone)]
pub(crate) struct PillarsFilter {
    logs: LogFilter,
    events: SpanEvents,
}

impl Pillars {
    pub(crate) fn new(
        logs: LogLayer,
        log_filter: LogFilter,
        traces: &Traces,
        #[cfg(feature = "sqlx")] limits: crate::config::QueryLimits,
    ) -> Self {
        let events = traces.span_events();
        Self {
            logs,
            filter: PillarsFilter {
                logs: log_filter,
                events: events.clone(),
            },
            events,
            tracer: traces.span_tracer(),
            #[cfg(feature = "sqlx")]
            queries: QueryLayer::new(limits, Some(traces.past_spans())),
        }
    }

    pub(crate) fn filter(&self) -> &PillarsFilter {
        &self.filter
    }

    /// A subscriber with nothing else in it.
    pub(crate) fn into_subscriber(self) -> impl Subscriber + Send + Sync {
        let lookup = self.lookup();
        Registry::default()
            .with(lookup)
            .with(self.into_unfiltered().and_then(Installed))
    }

    /// For a subscriber of the program's, whose other layers see what ours do not want.
    pub(crate) fn into_layer<S>(self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let (lookup, filter) = (self.lookup(), self.filter.clone());
        let pillars = self.into_unfiltered().and_then(Installed);
        lookup.and_then(pillars.with_filter(filter))
    }

    fn into_unfiltered<S>(self) -> PillarsLayer<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        PillarsLayer {
            spans: span_layer(&self.tracer),
            pillars: self,
        }
    }

    fn lookup<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        span_layer(&self.tracer).with_filter(Lookup)
    }

    /// Tells of an event that is worth more than its line; whether it is worth its line, too.
    #[cfg(feature = "sqlx")]
    fn on_watched<S>(
        &self,
        event: &Event<'_>,
        metadata: &Metadata<'_>,
        context: &Context<'_, S>,
    ) -> bool
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if !QueryLayer::watches(metadata) {
            return true;
        }
        self.queries
            .on_event(event, context, &|line| self.log(line, context));
        let logs = &self.filter.logs;
        logs.enabled(QueryLayer::log_metadata(metadata), context) || self.events.keeps(metadata)
    }

    /// Writes a line that no event of `tracing`'s is behind.
    #[cfg(feature = "sqlx")]
    fn log<S>(&self, line: &Event<'_>, context: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if self.filter.logs.enabled(line.metadata(), context) {
            self.logs.on_event(line, context.clone());
        }
    }
}

/// Source locations, thread names and busy times cost more than the rest of a span together, on every poll, and answer no
/// question that the three pillars exist for.
fn span_layer<S>(tracer: &SpanTracer) -> OpenTelemetryLayer<S, SpanTracer>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    tracing_opentelemetry::layer()
        .with_tracer(tracer.clone())
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
}

/// Keeps everything from the layer that is there only to be found.
#[derive(Debug)]
struct Lookup;

thread_local! {
    /// The span that the lookup layer has seen all the same.
    static PASSED_BY: Cell<Option<u64>> = const { Cell::new(None) };
}

impl<S> Filter<S> for Lookup
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        false
    }

    fn callsite_enabled(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::never()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::OFF)
    }

    // Asked for only if `enabled` was not: the program made the span without its macro.
    fn on_new_span(&self, _: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        PASSED_BY.set(Some(id.into_u64()));
    }
}

/// Whether an event is of interest whatever the filters say.
fn is_watched(metadata: &Metadata<'_>) -> bool {
    #[cfg(feature = "sqlx")]
    return QueryLayer::watches(metadata);
    #[cfg(not(feature = "sqlx"))]
    {
        let _ = metadata;
        false
    }
}

impl PillarsFilter {
    /// The level above which no record of the `log` crate becomes anything. Not the level of all of `tracing`: that one
    /// is higher for the sake of sqlx, and other crates' records would be made for nobody.
    pub(crate) fn level_of_records(&self) -> LevelFilter {
        self.logs.level().max(self.level_in_traces())
    }

    /// The same of traces alone.
    pub(crate) fn level_in_traces(&self) -> LevelFilter {
        self.events.max_level_hint().unwrap_or(LevelFilter::TRACE)
    }
}

impl<S> Filter<S> for PillarsFilter
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        if metadata.is_span() && thread::is_ending() {
            return false;
        }
        self.logs.enabled(metadata, context) || self.events.keeps(metadata) || is_watched(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Asked first and always: it learns here which spans its directives are about.
        let logs = Filter::<S>::callsite_enabled(&self.logs, metadata);
        if self.events.keeps(metadata) || is_watched(metadata) {
            Interest::always()
        } else {
            logs
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let logs = Filter::<S>::max_level_hint(&self.logs)?;
        let wanted = logs.max(self.events.max_level_hint()?);
        // sqlx asks before it says anything of a statement.
        #[cfg(feature = "sqlx")]
        let wanted = wanted.max(LevelFilter::DEBUG);
        Some(wanted)
    }
}

impl<S> Layer<S> for PillarsLayer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        let pillars = &self.pillars;
        Layer::<S>::on_register_dispatch(&pillars.events.layer, dispatch);
        Layer::<S>::on_register_dispatch(&pillars.logs, dispatch);
        #[cfg(feature = "sqlx")]
        pillars.queries.on_register_dispatch(dispatch);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        Filter::<S>::callsite_enabled(&self.pillars.filter, metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        self.pillars.filter.enabled(metadata, &context)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Filter::<S>::max_level_hint(&self.pillars.filter)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if thread::is_silent() {
            return;
        }
        thread::has_spans();
        let pillars = &self.pillars;
        let metadata = attributes.metadata();
        with_plain_attributes(attributes, |attributes| {
            // First: the log lines need the ids of the span that they are in.
            let has_span = PASSED_BY.take() == Some(id.into_u64());
            if pillars.events.keeps(metadata) && !has_span && !thread::is_ending() {
                self.spans.on_new_span(attributes, id, context.clone());
            }
            #[cfg(feature = "sqlx")]
            pillars.queries.on_new_span(attributes, id, &context);
            // A span that the log filter has no use for leaves nothing on it, so no later call finds anything.
            let logs = &pillars.filter.logs;
            if logs.enabled(metadata, &context) {
                logs.on_new_span(attributes, id, context.clone());
                pillars.logs.on_new_span(attributes, id, context);
            }
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(metadata) = context.metadata(id) else {
            return;
        };
        let pillars = &self.pillars;
        with_plain_record(values, metadata, |values| {
            self.spans.on_record(id, values, context.clone());
            pillars.filter.logs.on_record(id, values, context.clone());
            pillars.logs.on_record(id, values, context);
        });
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        self.spans.on_follows_from(id, follows, context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if thread::is_silent() {
            return;
        }
        let pillars = &self.pillars;
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        #[cfg(feature = "sqlx")]
        if !pillars.on_watched(event, metadata, &context) {
            return;
        }
        let in_trace = pillars.events.keeps(metadata);
        if in_trace {
            pillars.events.layer.on_event(event, context.clone());
        }
        // An event that one of the two wants, and not the trace, is one for the log.
        if !in_trace || pillars.filter.logs.enabled(metadata, &context) {
            pillars.logs.on_event(event, context);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if !thread::is_ending() {
            self.spans.on_enter(id, context.clone());
        }
        self.pillars.filter.logs.on_enter(id, context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if !thread::is_ending() {
            self.spans.on_exit(id, context.clone());
        }
        self.pillars.filter.logs.on_exit(id, context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.spans.on_close(id.clone(), context.clone());
        #[cfg(feature = "sqlx")]
        self.pillars
            .queries
            .on_close(&id, &context, &|line| self.pillars.log(line, &context));
        self.pillars.filter.logs.on_close(id, context);
    }
}
