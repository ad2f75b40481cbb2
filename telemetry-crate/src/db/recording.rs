//! The handle of a test that counts the statements inside a span.

use std::{
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use tracing::Span;
use tracing_subscriber::{Registry, layer::SubscriberExt};

use super::{
    QueryLayer, TARGET,
    span_extension::{self, Pending},
    standalone::StandaloneLayer,
    statement_recorder::{Recorded, Recorder},
};
use crate::{config::QueryLimits, traces::SPAN_LEVEL};

/// Longest wait for a spawned task that holds the span after the test's work.
const SPAN_END_TIMEOUT: Duration = Duration::from_secs(1);

/// Returns the recorded statements to the test.
#[derive(Debug)]
pub(crate) struct Recording(Arc<Recorded>);

impl Recording {
    /// Starts to record the statements inside the returned span.
    ///
    /// Returns `None` if the process has a foreign subscriber.
    pub(crate) fn start() -> Option<(Self, Span)> {
        let shared = Arc::new(Recorded::default());
        let begin = || {
            span_extension::with_pending(
                Pending::Recorder(Recorder(Arc::clone(&shared))),
                || tracing::span!(target: TARGET, parent: None, SPAN_LEVEL, "count_queries"),
            )
        };
        let span = begin();
        let is_attached = || shared.is_attached.load(Ordering::Relaxed);
        if is_attached() {
            return Some((Self(shared), span));
        }
        // Most tests have no subscriber, so this subscriber is installed for the whole process.
        let limits = QueryLimits {
            slow: None,
            repeats: None,
        };
        let layer = StandaloneLayer(QueryLayer::new(limits, None, None));
        let _ = tracing::subscriber::set_global_default(Registry::default().with(layer));
        let span = begin();
        is_attached().then_some((Self(shared), span))
    }

    /// Returns the summary and text of each statement, in the order of their ends.
    ///
    /// Waits for the end of the span, because SQLite's thread may hold it slightly longer than the
    /// call lasts. The wait has a limit, because a spawned task may hold the span without end.
    pub(crate) fn finish(self, span: Span) -> Vec<(String, String)> {
        drop(span);
        let state = self.0.state();
        let waited = self
            .0
            .ended
            .wait_timeout_while(state, SPAN_END_TIMEOUT, |state| !state.is_over);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let shown = state.statements.iter();
        shown
            .map(|statement| (statement.summary.to_string(), statement.text.to_string()))
            .collect()
    }
}
