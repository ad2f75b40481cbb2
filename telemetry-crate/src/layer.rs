//! What makes log lines and span events, as one `tracing` layer.
//!
//! Two layers behind two of `tracing-subscriber`'s per-layer filters would ask the registry for the span once each, on
//! every span and whenever one is entered, left or closed, only to learn whether they may see it. One layer that knows
//! both filters need not ask. Left out: spans themselves, which `tracing-opentelemetry`'s layer makes behind a filter of
//! its own.

use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_log::NormalizeEvent;
use tracing_subscriber::{
    Layer,
    layer::{Context, Filter},
    registry::LookupSpan,
};

#[cfg(feature = "sqlx")]
use crate::sqlx::QueryLayer;
use crate::{
    logs::{LogFilter, LogLayer},
    traces::SpanEvents,
};

/// See the module. In a subscriber of ours it decides for everyone; in somebody else's it needs a [`PillarsFilter`]
/// around it.
#[derive(Debug, Clone)]
pub(crate) struct PillarsLayer {
    logs: LogLayer,
    events: SpanEvents,
    filter: PillarsFilter,
    #[cfg(feature = "sqlx")]
    queries: QueryLayer,
}

/// What any of the pillars wants.
#[derive(Debug, Clone)]
pub(crate) struct PillarsFilter {
    logs: LogFilter,
    events: SpanEvents,
}

impl PillarsLayer {
    pub(crate) fn new(
        logs: LogLayer,
        log_filter: LogFilter,
        events: SpanEvents,
        #[cfg(feature = "sqlx")] queries: QueryLayer,
    ) -> Self {
        let filter = PillarsFilter {
            logs: log_filter,
            events: events.clone(),
        };
        Self {
            logs,
            events,
            filter,
            #[cfg(feature = "sqlx")]
            queries,
        }
    }

    pub(crate) fn filter(&self) -> PillarsFilter {
        self.filter.clone()
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

impl<S> Layer<S> for PillarsLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        Layer::<S>::on_register_dispatch(&self.events.layer, dispatch);
        Layer::<S>::on_register_dispatch(&self.logs, dispatch);
        #[cfg(feature = "sqlx")]
        self.queries.on_register_dispatch(dispatch);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        Filter::<S>::callsite_enabled(&self.filter, metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        self.filter.enabled(metadata, &context)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Filter::<S>::max_level_hint(&self.filter)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        #[cfg(feature = "sqlx")]
        self.queries.on_new_span(attributes, id, &context);
        let events = &self.events.layer;
        events.on_new_span(attributes, id, context.clone());
        // A span that the log filter has no use for leaves nothing on it, so no later call finds anything.
        let logs = &self.filter.logs;
        if logs.enabled(attributes.metadata(), &context) {
            logs.on_new_span(attributes, id, context.clone());
            self.logs.on_new_span(attributes, id, context);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.events.layer.on_record(id, values, context.clone());
        self.filter.logs.on_record(id, values, context.clone());
        self.logs.on_record(id, values, context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        #[cfg(feature = "sqlx")]
        if !self.on_watched(event, metadata, &context) {
            return;
        }
        let in_trace = self.events.keeps(metadata);
        if in_trace {
            self.events.layer.on_event(event, context.clone());
        }
        // An event that one of the two wants, and not the trace, is one for the log.
        if !in_trace || self.filter.logs.enabled(metadata, &context) {
            self.logs.on_event(event, context);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.filter.logs.on_enter(id, context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.filter.logs.on_exit(id, context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        #[cfg(feature = "sqlx")]
        self.queries
            .on_close(&id, &context, &|line| self.log(line, &context));
        self.filter.logs.on_close(id, context);
    }
}
