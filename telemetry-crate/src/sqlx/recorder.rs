//! Writes down the statements that run inside one span, for a test that counts them.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tracing::Span;
use tracing_subscriber::{Registry, layer::SubscriberExt};

use super::{
    QueryLayer, TARGET,
    span_extension::{self, Pending},
    statement::Statement,
};
use crate::{config::QueryLimits, traces::SPAN_LEVEL};

/// How long a task that was spawned inside may hold the span after the test's own work is done.
const LIMIT: Duration = Duration::from_secs(1);

/// Kept in the span; its end is the span's end.
#[derive(Debug)]
pub(super) struct Recorder(Arc<Shared>);

/// Kept by the test.
#[derive(Debug)]
pub(crate) struct Recording(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    was_taken: AtomicBool,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    statements: Vec<Arc<Statement>>,
    is_over: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorder {
    pub(super) fn taken(&self) {
        self.0.was_taken.store(true, Ordering::Relaxed);
    }

    pub(super) fn record(&self, statement: &Arc<Statement>) {
        self.0.state().statements.push(Arc::clone(statement));
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.0.state().is_over = true;
        self.0.ended.notify_all();
    }
}

impl Recording {
    /// Starts to record what runs inside the span; `None` if the process has a subscriber that firstlight is no part of.
    pub(crate) fn start() -> Option<(Self, Span)> {
        let shared = Arc::new(Shared::default());
        let begin = || {
            span_extension::with(
                Pending::Recorder(Recorder(Arc::clone(&shared))),
                || tracing::span!(target: TARGET, parent: None, SPAN_LEVEL, "count_queries"),
            )
        };
        let span = begin();
        let was_taken = || shared.was_taken.load(Ordering::Relaxed);
        if was_taken() {
            return Some((Self(shared), span));
        }
        // Most tests have no subscriber, and this one will do for all of them.
        let limits = QueryLimits {
            slow: None,
            repeats: None,
        };
        let layer = super::standalone::StandaloneLayer(QueryLayer::new(limits, None));
        let _ = tracing::subscriber::set_global_default(Registry::default().with(layer));
        let span = begin();
        was_taken().then_some((Self(shared), span))
    }

    /// Summary and text of each statement, in the order in which they ended.
    ///
    /// Waits for the end of the span: SQLite's thread may hold it a moment longer than the call lasts. A task that was
    /// spawned inside may hold it for ever, so the wait has an end.
    pub(crate) fn finish(self, span: Span) -> Vec<(String, String)> {
        drop(span);
        let state = self.0.state();
        let waited = self
            .0
            .ended
            .wait_timeout_while(state, LIMIT, |state| !state.is_over);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let shown = state.statements.iter();
        shown
            .map(|statement| (statement.summary.clone(), statement.text.clone()))
            .collect()
    }
}
