//! What makes spans, span events and log lines, as one `tracing` layer.
//!
//! The layers behind it would ask the registry for the span once each, on every span and whenever one is entered, left or
//! closed, only to learn whether they may see it. One layer that knows the filters need not ask. It also makes the values
//! of a span plain, once, before any of them sees it: see [`values`](crate::values).
//!
//! `tracing-opentelemetry`'s layer, which makes the spans, is inside. `OpenTelemetrySpanExt` looks for such a layer in the
//! subscriber; the one that it finds is a [`Lookup`], which has the same tracer and sees no span.

use std::{cell::Cell, marker::PhantomData};

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

use crate::{
    logs::{Installed, LogFilter, LogLayer},
    observer::Observer,
    thread,
    traces::{SpanEvents, SpanTracer},
    values::{with_plain_attributes, with_plain_record},
};

/// What becomes of spans and events, before it is part of a subscriber.
#[derive(Debug, Clone)]
pub(crate) struct Signals<O> {
    logs: LogLayer,
    events: SpanEvents,
    tracer: SpanTracer,
    filter: SignalsFilter<O>,
    observer: O,
}

/// Decides alone in a subscriber of firstlight's; in a program's own it needs a [`SignalsFilter`] around it.
struct SignalsLayer<S, O> {
    spans: OpenTelemetryLayer<S, SpanTracer>,
    signals: Signals<O>,
}

/// Lets through what any of the signals wants.
#[derive(Debug, Clone)]
pub(crate) struct SignalsFilter<O> {
    logs: LogFilter,
    events: SpanEvents,
    observer: PhantomData<fn(O)>,
}

impl<O: Observer> Signals<O> {
    pub(crate) fn new(
        logs: LogLayer,
        filter: SignalsFilter<O>,
        tracer: SpanTracer,
        observer: O,
    ) -> Self {
        Self {
            logs,
            events: filter.events.clone(),
            tracer,
            filter,
            observer,
        }
    }

    /// A subscriber with nothing else in it.
    pub(crate) fn into_subscriber(self) -> impl Subscriber + Send + Sync {
        let lookup = self.lookup();
        Registry::default()
            .with(lookup)
            .with(self.into_unfiltered().and_then(Installed))
    }

    /// For a subscriber of the program's, whose other layers see what ours do not want.
    pub(crate) fn into_layer<S>(self) -> impl Layer<S> + Send + Sync + use<S, O>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let (lookup, filter) = (self.lookup(), self.filter.clone());
        let signals = self.into_unfiltered().and_then(Installed);
        lookup.and_then(signals.with_filter(filter))
    }

    fn into_unfiltered<S>(self) -> SignalsLayer<S, O>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        SignalsLayer {
            spans: span_layer(&self.tracer),
            signals: self,
        }
    }

    fn lookup<S>(&self) -> impl Layer<S> + Send + Sync + use<S, O>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        span_layer(&self.tracer).with_filter(Lookup)
    }

    /// Logs an event that was made by hand.
    fn log<S>(&self, event: &Event<'_>, context: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if self.filter.logs.enabled(event.metadata(), context) {
            self.logs.on_event(event, context.clone());
        }
    }
}

/// Source locations, thread names and busy times cost more than the rest of a span together, on every poll, and answer no
/// question that the three signals exist for.
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

impl<O> SignalsFilter<O> {
    pub(crate) fn new(logs: LogFilter, events: SpanEvents) -> Self {
        Self {
            logs,
            events,
            observer: PhantomData,
        }
    }

    /// The level above which no record of the `log` crate becomes anything. The level of all of `tracing` is higher for
    /// the sake of the observer, and other crates' records would be made for nothing.
    pub(crate) fn level_of_records(&self) -> LevelFilter {
        self.logs.level().max(self.level_in_traces())
    }

    /// The same of traces alone.
    pub(crate) fn level_in_traces(&self) -> LevelFilter {
        self.events.max_level_hint().unwrap_or(LevelFilter::TRACE)
    }
}

impl<S, O> Filter<S> for SignalsFilter<O>
where
    O: Observer,
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        if metadata.is_span() && thread::is_ending() {
            return false;
        }
        self.logs.enabled(metadata, context) || self.events.keeps(metadata) || O::observes(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Asked first and always: it learns here which spans its directives are about.
        let logs = Filter::<S>::callsite_enabled(&self.logs, metadata);
        if self.events.keeps(metadata) || O::observes(metadata) {
            Interest::always()
        } else {
            logs
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let logs = Filter::<S>::max_level_hint(&self.logs)?;
        Some(logs.max(self.events.max_level_hint()?).max(O::LEVEL))
    }
}

impl<S, O> Layer<S> for SignalsLayer<S, O>
where
    O: Observer,
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        let signals = &self.signals;
        Layer::<S>::on_register_dispatch(&signals.events.layer, dispatch);
        Layer::<S>::on_register_dispatch(&signals.logs, dispatch);
        signals.observer.on_register_dispatch(dispatch);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        Filter::<S>::callsite_enabled(&self.signals.filter, metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        self.signals.filter.enabled(metadata, &context)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Filter::<S>::max_level_hint(&self.signals.filter)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if thread::is_silent() {
            return;
        }
        thread::has_spans();
        let signals = &self.signals;
        let metadata = attributes.metadata();
        with_plain_attributes(attributes, |attributes| {
            // First: the log lines need the ids of the span that they are in.
            let has_span = PASSED_BY.take() == Some(id.into_u64());
            if signals.events.keeps(metadata) && !has_span && !thread::is_ending() {
                self.spans.on_new_span(attributes, id, context.clone());
            }
            signals.observer.on_new_span(attributes, id, &context);
            // A span that the log filter has no use for leaves nothing on it, so no later call finds anything.
            let logs = &signals.filter.logs;
            if logs.enabled(metadata, &context) {
                logs.on_new_span(attributes, id, context.clone());
                signals.logs.on_new_span(attributes, id, context);
            }
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(metadata) = context.metadata(id) else {
            return;
        };
        let signals = &self.signals;
        with_plain_record(values, metadata, |values| {
            self.spans.on_record(id, values, context.clone());
            signals.filter.logs.on_record(id, values, context.clone());
            signals.logs.on_record(id, values, context);
        });
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        self.spans.on_follows_from(id, follows, context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if thread::is_silent() {
            return;
        }
        let signals = &self.signals;
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        let in_trace = signals.events.keeps(metadata);
        if O::observes(metadata) {
            let log = |event: &Event<'_>| signals.log(event, &context);
            signals.observer.on_event(event, &context, &log);
            let metadata = O::log_metadata(metadata);
            if !in_trace && !signals.filter.logs.enabled(metadata, &context) {
                return;
            }
        }
        if in_trace {
            signals.events.layer.on_event(event, context.clone());
        }
        // An event that one of the two wants, and not the trace, is one for the log.
        if !in_trace || signals.filter.logs.enabled(metadata, &context) {
            signals.logs.on_event(event, context);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if !thread::is_ending() {
            self.spans.on_enter(id, context.clone());
        }
        self.signals.filter.logs.on_enter(id, context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if !thread::is_ending() {
            self.spans.on_exit(id, context.clone());
        }
        self.signals.filter.logs.on_exit(id, context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.spans.on_close(id.clone(), context.clone());
        let signals = &self.signals;
        let log = |event: &Event<'_>| signals.log(event, &context);
        signals.observer.on_close(&id, &context, &log);
        signals.filter.logs.on_close(id, context);
    }
}
