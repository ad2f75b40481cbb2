//! An instrumented call: its statement, call site, duration and error.
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
use tracing::Span;

use super::{
    TARGET, attributes,
    call_sites::{self, LastRun},
    connection_uses::{self, ConnectionUse, UseState, UsesConnection},
    event::Query,
    failure::Failure,
    log_events, metrics,
    server::{Server, common_attributes},
    span_extension::{self, Pending},
    statement::Statement,
};
use crate::{
    evidence::{self, ASSUMED_STATEMENT},
    span_end::SpanEnd,
    traces::SPAN_LEVEL,
};

/// A call, shared by its future and its span.
#[derive(Debug)]
pub(crate) struct Call {
    /// The call site.
    pub(super) site: &'static Location<'static>,
    /// The statement of a call whose statement no event of sqlx tells.
    ///
    /// It is the call of a client, or `COMMIT` and the like.
    known_statement: Option<Arc<Statement>>,
    /// `None` for a call of sqlx.
    pub(super) client: Option<ClientPart>,
    /// The end of the call's span.
    span: OnceLock<SpanEnd>,
    started: Instant,
    /// The previous run of the call site; `None` if it is not known or not needed.
    last_run: Option<Arc<LastRun>>,
    /// The time at which the call acquired a connection.
    acquired: OnceLock<Instant>,
    state: Mutex<State>,
}

/// What a call of a client has, and a call of sqlx has not.
#[derive(Debug)]
pub(super) struct ClientPart {
    server: Arc<Server>,
    /// Whether it counts toward the queries of its request.
    is_query: bool,
    /// The duration from which a call is slow; unset without one, and without a layer.
    slow: OnceLock<Duration>,
}

impl ClientPart {
    pub(super) fn new(server: Arc<Server>, is_query: bool) -> Self {
        Self {
            server,
            is_query,
            slow: OnceLock::new(),
        }
    }

    /// Sets the duration from which a call is slow; called by the layer.
    pub(super) fn set_slow_threshold(&self, threshold: Option<Duration>) {
        if let Some(threshold) = threshold {
            let _ = self.slow.set(threshold);
        }
    }
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

impl State {
    /// Whether the call's own statement is known.
    fn has_statement(&self) -> bool {
        let statement = self.statement.as_ref();
        statement.is_some_and(|statement| !statement.is_connection_setup())
    }
}

impl Call {
    /// Starts a call of sqlx and its span.
    #[cfg(feature = "sqlx")]
    pub(crate) fn start(
        site: &'static Location<'static>,
        known_statement: Option<Arc<Statement>>,
    ) -> (Arc<Self>, Span) {
        let last_run = (evidence::is_on() && known_statement.is_none())
            .then(|| call_sites::last_run(site))
            .flatten();
        Self::open(site, known_statement, None, last_run)
    }

    /// Starts a call of a client and its span.
    pub(super) fn start_of_client(
        site: &'static Location<'static>,
        statement: Arc<Statement>,
        client: ClientPart,
    ) -> (Arc<Self>, Span) {
        Self::open(site, Some(statement), Some(client), None)
    }

    fn open(
        site: &'static Location<'static>,
        known_statement: Option<Arc<Statement>>,
        client: Option<ClientPart>,
        last_run: Option<Arc<LastRun>>,
    ) -> (Arc<Self>, Span) {
        let call = Arc::new(Self {
            site,
            known_statement,
            client,
            span: OnceLock::new(),
            started: Instant::now(),
            last_run,
            acquired: OnceLock::new(),
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
        } else {
            // The lease of a transaction covers its own statements.
            connection_uses::list(&call);
        }
        if evidence::is_on() {
            call.note_start();
        }
        (call, span)
    }

    /// The statement that counts in its unit of work when the call starts.
    ///
    /// The statements of sqlx count at their ends, by sqlx's events.
    pub(super) fn counted_statement(&self) -> Option<&Arc<Statement>> {
        let is_query = self.client.as_ref().is_some_and(|client| client.is_query);
        self.known_statement.as_ref().filter(|_| is_query)
    }

    /// The server of a client's call.
    fn server(&self) -> Option<&Server> {
        self.client.as_ref().map(|client| &*client.server)
    }

    /// The statement that the call site ran last.
    fn assumed_statement(&self) -> Option<&Arc<Statement>> {
        self.last_run.as_ref()?.statement.as_ref()
    }

    /// Tells the flight recorder where the call is, and what it probably runs.
    fn note_start(&self) {
        let Some(span) = self.span.get() else { return };
        span.write_recorded(|span| {
            span.set_attributes(attributes::site_attributes(self.site));
            if let Some(statement) = self.assumed_statement() {
                span.update_name(attributes::span_name(statement, self.server()));
                let assumed = attributes::statement_attributes(statement, None, None).into_iter();
                span.set_attributes(assumed.filter(attributes::is_assumed));
                span.set_attribute(KeyValue::new(ASSUMED_STATEMENT, true));
            } else if self.known_statement.is_none() {
                let server = &common_attributes().server;
                span.set_attributes(server.attributes());
            }
        });
    }

    /// Records that the call has acquired a connection.
    pub(super) fn acquired(&self) {
        let _ = self.acquired.set(Instant::now());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the statement from sqlx's event.
    ///
    /// Returns `false` if the call already has a statement. The statements that open a connection come before that of the
    /// call, which replaces them.
    pub(super) fn take_statement(&self, query: &Query) -> bool {
        let mut state = self.state();
        // A connection that opens during a call whose statement is known runs statements of its own.
        let is_of_opening = self.known_statement.is_some() && query.statement.is_connection_setup();
        if state.has_statement() || is_of_opening {
            return false;
        }
        let statement = self.known_statement.as_ref().unwrap_or(&query.statement);
        // Under the lock: once the statement is known, the end of the call on another thread ends the
        // span, which then takes no name.
        match self.assumed_statement() {
            None => self.describe(statement, Some(query)),
            // The statement that is assumed is still to come.
            Some(_) if query.statement.is_connection_setup() => self.describe_exported(query),
            Some(assumed) if Arc::ptr_eq(assumed, &query.statement) => {
                self.describe_exported(query);
                self.note_known(|attribute| !attributes::is_assumed(attribute), query);
            }
            Some(_) => {
                self.describe(&query.statement, Some(query));
                self.note_known(|_| false, query);
            }
        }
        state.statement = Some(Arc::clone(statement));
        state.statement_duration = Some(query.elapsed);
        drop(state);
        if evidence::is_on() && !query.statement.is_connection_setup() {
            let acquires = self.acquired.get().is_some();
            call_sites::remember(self.site, Some(&query.statement), acquires);
        }
        true
    }

    /// Describes the span for the export, and not for the flight recorder.
    fn describe_exported(&self, query: &Query) {
        let Some(span) = self.span.get() else { return };
        span.write_exported(|span| {
            let statement = &query.statement;
            span.update_name(attributes::span_name(statement, self.server()));
            span.set_attributes(attributes::statement_attributes(
                statement,
                None,
                Some(query),
            ));
        });
    }

    /// Tells the flight recorder that the statement is known.
    ///
    /// Also writes the attributes that the recorder lacks.
    fn note_known(&self, lacks: impl Fn(&KeyValue) -> bool, query: &Query) {
        let Some(span) = self.span.get() else { return };
        span.write_recorded(|span| {
            let known = attributes::statement_attributes(&query.statement, None, Some(query));
            span.set_attributes(known.into_iter().filter(lacks));
            span.set_attribute(KeyValue::new(ASSUMED_STATEMENT, false));
        });
    }

    fn describe(&self, statement: &Statement, query: Option<&Query>) {
        if let Some(span) = self.span.get() {
            span.write(|span| {
                span.update_name(attributes::span_name(statement, self.server()));
                span.set_attributes(attributes::statement_attributes(
                    statement,
                    self.server(),
                    query,
                ));
            });
        }
    }

    /// Records that the call is dropped before its end.
    ///
    /// The server may still run the statement.
    pub(super) fn dropped(&self) {
        if let Some(span) = self.span.get() {
            span.write(|span| span.set_attribute(KeyValue::new("sql.query.outcome", "dropped")));
        }
    }

    /// Logs a call of a client that took longer than the threshold.
    ///
    /// Called at its end.
    pub(super) fn warn_if_slow(&self, span: &Span) {
        let threshold = self.client.as_ref().and_then(|client| client.slow.get());
        let elapsed = self.started.elapsed();
        if let (Some(threshold), Some(statement)) = (threshold, &self.known_statement)
            && elapsed >= *threshold
        {
            let summary = &statement.summary;
            span.in_scope(|| log_events::slow(summary, elapsed, *threshold, &log_events::dispatch));
        }
    }

    /// Records the end of the call, and ends its span if the statement is known.
    pub(super) fn end(&self, failure: Option<Failure>) {
        if failure.as_ref().is_some_and(Failure::is_pool_timeout)
            && self.known_statement.is_none()
            && evidence::is_on()
        {
            call_sites::remember(self.site, None, true);
        }
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
        let is_known = state.has_statement() || self.known_statement.is_some();
        drop(state);
        // The span ends here, because SQLite's thread may hold it longer than the call lasts.
        // Without a statement, sqlx's event may still come, and must find the span open.
        if let Some(span) = self.span.get().filter(|_| is_known) {
            span.end();
        }
    }
}

impl UsesConnection for Call {
    fn current_use(&self) -> Option<ConnectionUse> {
        let state = self.state();
        if state.call_duration.is_some() {
            return None;
        }
        let statement = state.statement.clone();
        drop(state);
        let acquires = self.last_run.as_ref().map(|run| run.acquires);
        let (state, since) = match (self.acquired.get(), acquires) {
            (Some(acquired), _) => (UseState::Holds, *acquired),
            // Without these events, waits are not seen.
            _ if statement.is_some() || !metrics::sees_fast_acquires() => return None,
            // The call runs on a connection that its caller holds.
            (None, Some(false)) => return None,
            (None, Some(true)) => (UseState::Waits, self.started),
            (None, None) => (UseState::MayWait, self.started),
        };
        let statement = statement.as_ref().or(self.assumed_statement());
        Some(ConnectionUse {
            ids: self.span.get().and_then(SpanEnd::ids),
            state,
            lasts: since.elapsed(),
            what: "query",
            site: self.site,
            summary: statement.map(|statement| statement.summary.to_string()),
            pool: None,
        })
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let state = self.state();
        // Without a duration, the call was dropped before its end, and sqlx reported no statement.
        let Some(duration) = state.statement_duration.or(state.call_duration) else {
            return;
        };
        let statement = state
            .statement
            .as_deref()
            .or(self.known_statement.as_deref());
        let failure = state.failure.as_ref();
        let record = || metrics::operation(statement, self.server(), duration, failure);
        match self.span.get() {
            Some(span) => span.measure(record),
            None => record(),
        }
    }
}
