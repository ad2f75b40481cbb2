//! Observers of events and spans, which are independent of the filters.

use std::fmt::Debug;

use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    level_filters::LevelFilter,
    span::{Attributes, Id},
};
use tracing_subscriber::{layer::Context, registry::LookupSpan};

/// A function that logs an event, if the log filter enables it.
pub(crate) type Log<'a> = &'a dyn Fn(&Event<'_>);

/// Observes the events of a library, and logs events of its own.
///
/// An event from a macro of `tracing` inside a layer would be lost under a thread-local subscriber, and would confuse
/// per-layer filters. So an observer constructs its events without a macro, and passes them to [`Log`].
pub(crate) trait Observer: Clone + Debug + Send + Sync + 'static {
    /// The most verbose level of the observed events.
    const LEVEL: LevelFilter;

    /// Whether events of this metadata are observed.
    fn observes(metadata: &Metadata<'_>) -> bool;

    /// The metadata by which the log filter decides on an observed event.
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
#[cfg(not(feature = "db"))]
#[derive(Debug, Clone)]
pub(crate) struct NoObserver;

#[cfg(not(feature = "db"))]
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
