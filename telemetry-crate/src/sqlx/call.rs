//! An instrumented call of sqlx: its statement, call site, duration and error.
//!
//! sqlx's event has neither the error nor the call site. SQLite's event comes from another thread,
//! and if the call fails, the event may come after the call has ended. So the call is stored in its
//! span, where the event finds it, and is recorded when both its future and its span are dropped.

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
    health, metrics, pool_timeout,
    span_extension::{self, Pending},
    statement::Statement,
};
use crate::{span_end::SpanEnd, traces::SPAN_LEVEL};

/// A call, shared by its future and its span.
#[derive(Debug)]
pub(super) struct Call {
    /// The call site.
    pub(super) site: &'static Location<'static>,
    /// The statement of a call without an event of sqlx, such as `COMMIT`.
    known_statement: Option<Arc<Statement>>,
    /// The end of the call's span.
    span: OnceLock<SpanEnd>,
    started: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    statement: Option<Arc<Statement>>,
    /// Duration of the statement, as sqlx has measured it.
    statement_duration: Option<Duration>,
    /// Duration of the call; `None` if it was dropped before its end.
    call_duration: Option<Duration>,
    failure: Option<Failure>,
}

impl Call {
    /// Starts a call and its span.
    pub(super) fn start(
        site: &'static Location<'static>,
        known_statement: Option<Arc<Statement>>,
    ) -> (Arc<Self>, Span) {
        let call = Arc::new(Self {
            site,
            known_statement,
            span: OnceLock::new(),
            started: Instant::now(),
            state: Mutex::default(),
        });
        let span = span_extension::with_pending(
            Pending::Call(Arc::clone(&call)),
            || tracing::span!(target: TARGET, SPAN_LEVEL, "query", otel.kind = "client"),
        );
        let end = SpanEnd::new();
        span.in_scope(|| end.entered());
        let _ = call.span.set(end);
        if let Some(statement) = &call.known_statement {
            call.describe(statement, None);
        }
        (call, span)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the statement from sqlx's event.
    ///
    /// Returns `false` if the call already has a statement.
    pub(super) fn take_statement(&self, query: &Query) -> bool {
        let mut state = self.state();
        if state.statement.is_some() {
            return false;
        }
        // Under the lock: once the statement is known, the end of the call on another thread ends the
        // span, which then takes no name.
        self.describe(&query.statement, Some(query));
        state.statement = Some(Arc::clone(&query.statement));
        state.statement_duration = Some(query.elapsed);
        true
    }

    fn describe(&self, statement: &Statement, query: Option<&Query>) {
        if let Some(span) = self.span.get() {
            span.write(|span| {
                span.update_name(attributes::span_name(statement));
                span.set_attributes(attributes::statement_attributes(statement, query));
            });
        }
    }

    /// Records the end of the call, and ends its span if the statement is known.
    pub(super) fn end(&self, error: Option<&Error>) {
        if let Some(error) = error {
            health::record_storage_failure(error);
            pool_timeout::diagnose(error);
        }
        let failure = error.and_then(Failure::from_error);
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
        state.call_duration = Some(self.started.elapsed());
        state.failure = failure;
        let is_known = state.statement.is_some() || self.known_statement.is_some();
        drop(state);
        // The span ends here, because SQLite's thread may hold it longer than the call lasts.
        // Without a statement, sqlx's event may still come, and must find the span open.
        if let Some(span) = self.span.get().filter(|_| is_known) {
            span.end();
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Without a duration, the call was dropped before its end, and sqlx reported no statement.
        let Some(duration) = state.statement_duration.or(state.call_duration) else {
            return;
        };
        let statement = state
            .statement
            .as_deref()
            .or(self.known_statement.as_deref());
        let failure = state.failure.as_ref();
        let record = || metrics::operation(statement, duration, failure);
        match self.span.get() {
            Some(span) => span.measure(record),
            None => record(),
        }
    }
}
