//! The `tracing` layer for OpenTelemetry spans, span events and log lines.
//!
//! Separate layers with per-layer filters would each look up the span in the registry whenever a span is created, entered,
//! exited or closed, only to find out whether they are enabled for it. One layer that knows all filters needs no look-up.
//! It also converts the values of a span once for all signals, see [`values`](crate::values).
//!
//! `tracing-opentelemetry`'s layer, which creates the spans, is inside this layer. `OpenTelemetrySpanExt` searches the
//! subscriber for a layer of that type. So a second layer of that type, with the same tracer, is installed beside this
//! layer. The filter of that second layer, [`Lookup`], disables all spans for it.

use std::{cell::Cell, marker::PhantomData, sync::Arc};

use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, Filter, SubscriberExt},
    registry::LookupSpan,
};

use crate::{
    evidence::{self, EventSink},
    log_metadata,
    logs::{Installed, LogFilter, LogLayer},
    observer::Observer,
    runtime,
    thread::{self, Ignored},
    traces::{SpanEvents, SpanTracer},
    values::{with_plain_attributes, with_plain_record},
};

/// The parts of the layer, before it is added to a subscriber.
#[derive(Debug, Clone)]
pub(crate) struct Signals<O> {
    logs: LogLayer,
    events: SpanEvents,
    tracer: SpanTracer,
    filter: SignalsFilter<O>,
    observer: O,
}

/// The layer of all signals, as it is added to a subscriber.
///
/// In firstlight's own subscriber, this layer also filters. In the program's subscriber, a [`SignalsFilter`] around the
/// layer filters.
struct SignalsLayer<S, O> {
    spans: OpenTelemetryLayer<S, SpanTracer>,
    signals: Signals<O>,
}

/// Enables the spans and events that any of the signals needs.
#[derive(Debug, Clone)]
pub(crate) struct SignalsFilter<O> {
    logs: LogFilter,
    events: SpanEvents,
    /// The flight recorder's filter.
    held: Option<Arc<dyn EventSink>>,
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

    /// A subscriber with only this layer.
    pub(crate) fn into_subscriber(self) -> impl Subscriber + Send + Sync {
        let lookup = self.lookup_layer();
        Registry::default().with(lookup).with(self.into_installed())
    }

    /// A layer for the program's own subscriber.
    ///
    /// The filter of this layer does not affect the other layers of that subscriber.
    pub(crate) fn into_layer<S>(self) -> impl Layer<S> + Send + Sync + use<S, O>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let (lookup, filter) = (self.lookup_layer(), self.filter.clone());
        let signals = self.into_installed();
        lookup.and_then(signals.with_filter(filter))
    }

    /// The layer with the mark by which it is found.
    fn into_installed<S>(self) -> impl Layer<S> + Send + Sync + use<S, O>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let mark = Installed::new(&self.logs);
        self.into_unfiltered().and_then(mark)
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

    /// The layer that `OpenTelemetrySpanExt` finds.
    fn lookup_layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S, O>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        span_layer(&self.tracer).with_filter(Lookup)
    }

    /// Logs an event that an [`Observer`] has constructed.
    fn log<S>(&self, event: &Event<'_>, context: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if self.filter.logs.enabled(event.metadata(), context) {
            self.logs.on_event(event, context.clone());
        }
    }
}

/// The layer of `tracing-opentelemetry`, without optional attributes.
///
/// Source locations, thread names and busy times cost more than the rest of a span, some of it on every poll, and help
/// little in operation.
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

/// The filter of the layer that exists only to be found: it disables everything.
#[derive(Debug)]
struct Lookup;

thread_local! {
    /// The span that the lookup layer has created in spite of its filter.
    static LOOKUP_SPAN: Cell<Option<u64>> = const { Cell::new(None) };
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

    // Called only if `enabled` was not called, because the program created the span without a macro.
    fn on_new_span(&self, _: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        LOOKUP_SPAN.set(Some(id.into_u64()));
    }
}

impl<O> SignalsFilter<O> {
    pub(crate) fn new(
        logs: LogFilter,
        events: SpanEvents,
        held: Option<Arc<dyn EventSink>>,
    ) -> Self {
        Self {
            logs,
            events,
            held,
            observer: PhantomData,
        }
    }

    /// Whether the flight recorder keeps events that the log filter disables.
    fn holds(&self, metadata: &Metadata<'_>) -> bool {
        (self.held.as_ref()).is_some_and(|held| metadata.is_event() && held.keeps(metadata))
    }

    fn level_of_held(&self) -> LevelFilter {
        let held = self.held.as_ref();
        held.map_or(LevelFilter::OFF, |held| held.level())
    }

    /// The most verbose level of `log` records that any signal uses.
    ///
    /// The maximum level of `tracing` may be more verbose because of the observer, and would create unused records.
    pub(crate) fn level_of_records(&self) -> LevelFilter {
        let used = self.logs.level().max(self.level_in_traces());
        used.max(self.level_of_held())
    }

    /// The most verbose level of `log` records that traces use.
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
        self.logs.enabled(metadata, context)
            || self.events.keeps(metadata)
            || self.holds(metadata)
            || O::observes(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Always called, because the log filter registers the spans of its directives here.
        let logs = Filter::<S>::callsite_enabled(&self.logs, metadata);
        if self.events.keeps(metadata) || self.holds(metadata) || O::observes(metadata) {
            Interest::always()
        } else {
            logs
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let logs = Filter::<S>::max_level_hint(&self.logs)?;
        let used = logs.max(self.events.max_level_hint()?).max(O::LEVEL);
        Some(used.max(self.level_of_held()))
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
        if thread::ignored() == Ignored::Everything {
            return;
        }
        thread::guard_spans();
        let signals = &self.signals;
        let metadata = attributes.metadata();
        with_plain_attributes(attributes, |attributes| {
            // The OpenTelemetry span comes first, because log lines need its ids.
            let has_span = LOOKUP_SPAN.take() == Some(id.into_u64());
            if signals.events.keeps(metadata) && !has_span && !thread::is_ending() {
                self.spans.on_new_span(attributes, id, context.clone());
            }
            signals.observer.on_new_span(attributes, id, &context);
            // For a span that the log filter disables, nothing is stored, so later calls for it do nothing.
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
        let ignored = thread::ignored();
        if ignored == Ignored::Everything {
            return;
        }
        let signals = &self.signals;
        let normalized = log_metadata::of_record(event);
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        if ignored.has(metadata.target()) {
            return;
        }
        let (in_trace, is_held) = (
            signals.events.keeps(metadata),
            signals.filter.holds(metadata),
        );
        if O::observes(metadata) {
            let log = |event: &Event<'_>| signals.log(event, &context);
            signals.observer.on_event(event, &context, &log);
            let metadata = O::log_metadata(metadata);
            if !in_trace && !is_held && !signals.filter.logs.enabled(metadata, &context) {
                return;
            }
        }
        if in_trace {
            signals.events.layer.on_event(event, context.clone());
        }
        // An enabled event that only the log can need is not asked about.
        if !in_trace && !is_held || signals.filter.logs.enabled(metadata, &context) {
            signals.logs.on_event(event, context);
        } else if is_held {
            signals.logs.hold(event, context);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if !thread::is_ending() {
            self.spans.on_enter(id, context.clone());
            if evidence::is_on() {
                runtime::enter(id);
            }
        }
        self.signals.filter.logs.on_enter(id, context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if !thread::is_ending() {
            self.spans.on_exit(id, context.clone());
            if evidence::is_on() {
                runtime::exit();
            }
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
