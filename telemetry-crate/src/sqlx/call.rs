//! An instrumented call of sqlx: its error, its call site, and its wait for a connection.
//!
//! The event has no error and no caller, and comes, for SQLite, from another thread, for an error even after the call's
//! end. So the call is kept in its span, where the event finds it, and counts when the last of the two has let go of it.

use std::{
    panic::Location,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use opentelemetry::{KeyValue, trace::Status};
use sqlx::Error;
use tracing::Span;

use super::{
    TARGET, attributes,
    event::Query,
    failure::Failure,
    health, metrics,
    span_extension::{self, Pending},
    statement::Statement,
    unopened,
};
use crate::{span_end::SpanEnd, traces::SPAN_LEVEL};
#[derive(Debug)]
pub(super) struct Call {
    /// Whose call it is.
    pub(super) site: &'static Location<'static>,
    /// What is run, if it is no statement that sqlx has an event for.
    fixed: Option<Arc<Statement>>,
    /// Of the call's span.
    span: OnceLock<SpanEnd>,
    started: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    statement: Option<Arc<Statement>>,
    /// What sqlx has measured.
    elapsed: Option<Duration>,
    /// From the start to the end of the call; unset if it was dropped before.
    took: Option<Duration>,
    failure: Option<Failure>,
}

impl Call {
    /// Starts a call, and its span.
    pub(super) fn start(
        site: &'static Location<'static>,
        fixed: Option<Arc<Statement>>,
    ) -> (Arc<Self>, Span) {
        let call = Arc::new(Self {
            site,
            fixed,
            span: OnceLock::new(),
            started: Instant::now(),
            state: Mutex::default(),
        });
        let span = span_extension::with(
            Pending::Call(Arc::clone(&call)),
            || tracing::span!(target: TARGET, SPAN_LEVEL, "query", otel.kind = "client"),
        );
        let end = SpanEnd::new();
        span.in_scope(|| end.entered());
        let _ = call.span.set(end);
        if let Some(fixed) = &call.fixed {
            call.describe(fixed, None);
        }
        (call, span)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what the event says; `false` if it has taken another's.
    pub(super) fn take(&self, query: &Query) -> bool {
        let mut state = self.state();
        if state.statement.is_some() {
            return false;
        }
        state.statement = Some(Arc::clone(&query.statement));
        state.elapsed = Some(query.elapsed);
        drop(state);
        self.describe(&query.statement, Some(query));
        true
    }

    fn describe(&self, statement: &Statement, query: Option<&Query>) {
        if let Some(span) = self.span.get() {
            span.write(|span| {
                span.update_name(attributes::name(statement));
                span.set_attributes(attributes::of(statement, query));
            });
        }
    }

    pub(super) fn ended(&self, error: Option<&Error>) {
        if let Some(error) = error {
            health::note(error);
            unopened::note(error);
        }
        let failure = error.and_then(Failure::of);
        if let (Some(failure), Some(span)) = (&failure, self.span.get()) {
            span.write(|span| {
                let code = failure.code.clone();
                let code = code.map(|code| KeyValue::new("db.response.status_code", code));
                let error_type = KeyValue::new("error.type", failure.error_type.clone());
                span.set_attributes(code.into_iter().chain([error_type]));
                span.set_status(Status::error(""));
            });
        }
        let mut state = self.state();
        state.took = Some(self.started.elapsed());
        state.failure = failure;
        let is_known = state.statement.is_some() || self.fixed.is_some();
        drop(state);
        // SQLite's thread may hold the span for a while, which is no time of the call. But an event that is still to come
        // must find the span open.
        if let Some(span) = self.span.get().filter(|_| is_known) {
            span.end();
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        // A call that was dropped before it had sent anything was no operation.
        let Some(duration) = state.elapsed.or(state.took) else {
            return;
        };
        let statement = state.statement.as_deref().or(self.fixed.as_deref());
        let failure = state.failure.as_ref();
        let record = || metrics::operation(statement, duration, failure);
        match self.span.get() {
            Some(span) => span.measure(record),
            None => record(),
        }
    }
}
