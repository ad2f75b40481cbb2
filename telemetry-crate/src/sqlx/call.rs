//! One call of sqlx that somebody observes: what its statement's event does not say.
//!
//! The event has no error and no caller, and comes, for SQLite, from another thread, for an error even after the call's
//! end. So the call is kept in its span, where the event finds it, and counts when the last of the two has let go of it.

use std::{
    panic::Location,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use opentelemetry::{
    Context, KeyValue,
    trace::{Status, TraceContextExt},
};
use sqlx::Error;
use tracing::Span;

use super::{
    TARGET, attributes,
    event::Query,
    failure::Failure,
    handover::{self, Handed},
    health, metrics,
    statement::Statement,
    unopened,
};
use crate::{
    thread::attach,
    traces::{SPAN_LEVEL, current_span_id},
};

/// See the module.
#[derive(Debug)]
pub(super) struct Call {
    /// Whose call it is.
    pub(super) site: &'static Location<'static>,
    /// What is run, if it is no statement that sqlx has an event for.
    fixed: Option<Arc<Statement>>,
    /// Of the call's span; unset if that is no part of a trace.
    context: OnceLock<Context>,
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
            context: OnceLock::new(),
            started: Instant::now(),
            state: Mutex::default(),
        });
        let outer = current_span_id();
        let span = handover::with(
            Handed::Call(Arc::clone(&call)),
            || tracing::span!(target: TARGET, SPAN_LEVEL, "query", otel.kind = "client"),
        );
        span.in_scope(|| {
            // A filter may have kept the span out of the trace; what is current then is somebody else's.
            if current_span_id() != outer {
                let _ = call.context.set(Context::current());
            }
        });
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
        let Some(context) = self.context.get() else {
            return;
        };
        let span = context.span();
        if span.is_recording() {
            span.update_name(attributes::name(statement));
            span.set_attributes(attributes::of(statement, query));
        }
    }

    pub(super) fn ended(&self, error: Option<&Error>) {
        if let Some(error) = error {
            health::note(error);
            unopened::note(error);
        }
        let failure = error.and_then(Failure::of);
        if let (Some(failure), Some(context)) = (&failure, self.context.get()) {
            let span = context.span();
            let code = failure.code.clone();
            let code = code.map(|code| KeyValue::new("db.response.status_code", code));
            let error_type = KeyValue::new("error.type", failure.error_type.clone());
            span.set_attributes(code.into_iter().chain([error_type]));
            span.set_status(Status::error(""));
        }
        let mut state = self.state();
        state.took = Some(self.started.elapsed());
        state.failure = failure;
        let is_known = state.statement.is_some() || self.fixed.is_some();
        drop(state);
        // SQLite's thread may hold the span for a while, which is nobody's time; but if its event is still to come, it
        // must find the span open.
        if let Some(context) = self.context.get().filter(|_| is_known) {
            context.span().end();
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
        // For the exemplar.
        let _attached = self
            .context
            .get()
            .and_then(|context| attach(context.clone()));
        metrics::operation(statement, duration, state.failure.as_ref());
    }
}
