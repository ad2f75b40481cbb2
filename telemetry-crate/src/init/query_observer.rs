//! The observer of events, which depends on the enabled features.

use crate::{config::Settings, traces::Traces};

#[cfg(feature = "sqlx")]
pub(crate) type QueryObserver = crate::sqlx::QueryLayer;
#[cfg(not(feature = "sqlx"))]
pub(crate) type QueryObserver = crate::observer::NoObserver;

#[cfg(feature = "sqlx")]
pub(super) fn observer(settings: &Settings, traces: &Traces) -> QueryObserver {
    QueryObserver::new(settings.query_limits, Some(traces.retroactive_spans()))
}

#[cfg(not(feature = "sqlx"))]
pub(super) fn observer(_: &Settings, _: &Traces) -> QueryObserver {
    crate::observer::NoObserver
}
