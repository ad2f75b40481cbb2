//! The layer for sqlx's events on its own, for tests without telemetry.

use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    span::{Attributes, Id},
    subscriber::Interest,
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use super::QueryLayer;
use crate::observer::Observer as _;

#[derive(Debug)]
pub(super) struct StandaloneLayer(pub(super) QueryLayer);

impl<S> Layer<S> for StandaloneLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        self.0.on_register_dispatch(dispatch);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.is_span() || QueryLayer::observes(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.is_span() || QueryLayer::observes(metadata)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        self.0.on_new_span(attributes, id, &context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if QueryLayer::observes(event.metadata()) {
            self.0.on_event(event, &context, &|_| {});
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.0.on_close(&id, &context, &|_| {});
    }
}
