//! The observer of events, which depends on the enabled features.

#[cfg(feature = "db")]
use std::sync::Arc;

#[cfg(feature = "db")]
use crate::evidence::SpanSink;
use crate::{config::Settings, recorder::Recorder, traces::Traces};

#[cfg(feature = "db")]
pub(crate) type QueryObserver = crate::db::QueryLayer;
#[cfg(not(feature = "db"))]
pub(crate) type QueryObserver = crate::observer::NoObserver;

#[cfg(feature = "db")]
pub(super) fn observer(
    settings: &Settings,
    traces: &Traces,
    recorder: Option<&Recorder>,
) -> QueryObserver {
    let recorder = recorder.map(|recorder| Arc::new(recorder.clone()) as Arc<dyn SpanSink>);
    let spans = traces.retroactive_spans();
    QueryObserver::new(settings.query_limits, Some(spans), recorder)
}

#[cfg(not(feature = "db"))]
pub(super) fn observer(_: &Settings, _: &Traces, _: Option<&Recorder>) -> QueryObserver {
    crate::observer::NoObserver
}
