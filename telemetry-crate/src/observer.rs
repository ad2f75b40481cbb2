//! What sees events and the ends of spans whatever the filters say.

use std::fmt::Debug;

use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    level_filters::LevelFilter,
    span::{Attributes, Id},
};
use tracing_subscriber::{layer::Context, registry::LookupSpan};

/// Takes an event that becomes a log line if the log filter lets it through.
pub(crate) type Log<'a> = &'a dyn Fn(&Event<'_>);

/// Observes the events of a library, and logs some of its own.
///
/// An event made with `tracing`'s macros inside of a layer would be lost under a thread's subscriber, and would confuse
/// per-layer filters. An observer makes its events by hand, and hands them to [`Log`].
pub(crate) trait Observer: Clone + Debug + Send + Sync + 'static {
    /// The level of the most detailed event that it observes.
    const LEVEL: LevelFilter;

    /// Whether it observes an event, or a question about one.
    fn observes(metadata: &Metadata<'_>) -> bool;

    /// What the log filter is asked about an observed event.
    fn log_metadata<'a>(metadata: &'a Metadata<'a>) -> &'a Metadata<'a> {
        metadata
    }

    fn on_register_dispatch(&self, dispatch: &Dispatch);

    fn on_new_span<S>(&self, span: &Attributes<'_>, id: &Id, context: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>;

    fn on_event<S>(&self, event: &Event<'_>, context: &Context<'_, S>, log: Log<'_>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>;

    fn on_close<S>(&self, id: &Id, context: &Context<'_, S>, log: Log<'_>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>;
}

/// Observes nothing.
#[cfg(not(feature = "sqlx"))]
#[derive(Debug, Clone)]
pub(crate) struct NoObserver;

#[cfg(not(feature = "sqlx"))]
impl Observer for NoObserver {
    const LEVEL: LevelFilter = LevelFilter::OFF;

    fn observes(_: &Metadata<'_>) -> bool {
        false
    }

    fn on_register_dispatch(&self, _: &Dispatch) {}

    fn on_new_span<S>(&self, _: &Attributes<'_>, _: &Id, _: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
    }

    fn on_event<S>(&self, _: &Event<'_>, _: &Context<'_, S>, _: Log<'_>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
    }

    fn on_close<S>(&self, _: &Id, _: &Context<'_, S>, _: Log<'_>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
    }
}
