//! The observer of events, which depends on the enabled features.

use crate::{config::Settings, traces::Traces};

#[cfg(feature = "db")]
pub(crate) type QueryObserver = crate::db::QueryLayer;
#[cfg(not(feature = "db"))]
pub(crate) type QueryObserver = crate::observer::NoObserver;

#[cfg(feature = "db")]
pub(super) fn observer(settings: &Settings, traces: &Traces) -> QueryObserver {
    QueryObserver::new(settings.query_limits, Some(traces.retroactive_spans()))
}

#[cfg(not(feature = "db"))]
pub(super) fn observer(_: &Settings, _: &Traces) -> QueryObserver {
    crate::observer::NoObserver
}
