//! Turns sqlx's events into spans, metrics and warnings.
//!
//! ```text
//! sqlx::query event ─▶ Query ─▶ the span's UnitOfWork ─▶ N+1, when the unit ends
//!                            ├▶ a RetroactiveSpan        (or the span of its Call, if it has one)
//!                            ├▶ the duration's histogram
//!                            └▶ slow? one WARN line
//! a new span of a Call ─▶ the span's UnitOfWork, if it is a query of a client
//! ```
//!
//! The log filter affects only the log lines. Spans and metrics do not depend on it.

use std::{sync::Arc, time::SystemTime};

use opentelemetry::{
    KeyValue,
    trace::{SpanKind, TraceContextExt},
};
use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    level_filters::LevelFilter,
    span::{Attributes, Id},
};
use tracing_subscriber::{
    layer::Context,
    registry::{LookupSpan, SpanRef},
};

use super::{
    TARGET, attributes,
    call::Call,
    event::{ACQUIRE_TARGET, Acquired, Query},
    log_events,
    metrics::{self, UnitLabels},
    recorded_statement,
    span_extension::{self, Pending},
    statement::Statement,
    unit_of_work::{CallSite, UnitOfWork},
};
use crate::{
    config::QueryLimits,
    evidence::{self, CONNECTION_ACQUIRED, SpanSink},
    logs::span_field,
    observer::{Log, Observer},
    proto::nanos,
    span_ids::{SpanContexts, SpanIds, with_ids},
    thread,
    traces::{ACCESS_TARGET, GRPC_TARGET, QUERY_TARGET, RetroactiveSpan, RetroactiveSpans},
};

/// The observer of sqlx's events.
#[derive(Debug, Clone)]
pub(crate) struct QueryLayer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: QueryLimits,
    /// Exports the spans of statements; `None` if the trace filter excludes them.
    spans: Option<RetroactiveSpans>,
    /// The flight recorder, for the spans that only it keeps.
    recorder: Option<Arc<dyn SpanSink>>,
    /// The context of a unit's span.
    contexts: SpanContexts,
}

impl QueryLayer {
    pub(crate) fn new(
        limits: QueryLimits,
        spans: Option<RetroactiveSpans>,
        recorder: Option<Arc<dyn SpanSink>>,
    ) -> Self {
        Self(Arc::new(Shared {
            limits,
            spans: spans.filter(|spans| spans.keeps(TARGET)),
            recorder,
            contexts: SpanContexts::default(),
        }))
    }
}

impl Observer for QueryLayer {
    // sqlx asks for this level before it creates the event of a statement.
    const LEVEL: LevelFilter = LevelFilter::DEBUG;

    /// Observes sqlx's events, and the access log event at a request's end.
    fn observes(metadata: &Metadata<'_>) -> bool {
        !metadata.is_span()
            && matches!(
                metadata.target(),
                QUERY_TARGET | ACQUIRE_TARGET | ACCESS_TARGET | GRPC_TARGET
            )
    }

    /// Returns the metadata by which the log filter decides.
    ///
    /// sqlx logs slow statements as warnings, which firstlight's warnings replace. So sqlx's
    /// warnings are written only if the filter enables all of sqlx's log lines.
    fn log_metadata<'a>(metadata: &'a Metadata<'a>) -> &'a Metadata<'a> {
        if metadata.target() == QUERY_TARGET && Query::is_slow(metadata) {
            log_events::sqlx_statement_metadata()
        } else {
            metadata
        }
    }

    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        self.0.contexts.register(dispatch);
    }

    fn on_new_span<S>(&self, span: &Attributes<'_>, id: &Id, context: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if span.metadata().target() != TARGET {
            return;
        }
        let Some(span) = context.span(id) else { return };
        match span_extension::take() {
            Some(Pending::Call(call)) => {
                if let Some(client) = &call.client {
                    client.set_slow_threshold(self.0.limits.slow);
                    // A query outside of any span is in no unit.
                    if let Some(statement) = call.counted_statement()
                        && span.parent().is_some()
                    {
                        self.count(&span, Some(&call), statement);
                    }
                }
                span.extensions_mut().insert(call);
            }
            #[cfg(feature = "testing")]
            Some(Pending::Recorder(recorder)) => {
                recorder.set_attached();
                span.extensions_mut().insert(recorder);
            }
            None => {}
        }
    }

    fn on_event<S>(&self, event: &Event<'_>, context: &Context<'_, S>, log: Log<'_>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        match event.metadata().target() {
            QUERY_TARGET => self.query(event, context, log),
            ACQUIRE_TARGET => {
                metrics::acquired(&Acquired::from_event(event));
                if evidence::is_on() {
                    note_acquired(event, context);
                }
            }
            _ => {
                if UnitOfWork::is_any_open()
                    && let Some(span) = event.parent().and_then(|id| context.span(id))
                {
                    // The request ends with this event. Its span may close much later.
                    self.report(&span, log);
                }
            }
        }
    }

    fn on_close<S>(&self, id: &Id, context: &Context<'_, S>, log: Log<'_>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if !UnitOfWork::is_any_open() {
            return;
        }
        let Some(span) = context.span(id) else { return };
        self.report(&span, log);
        let unit = span.extensions_mut().remove::<UnitOfWork>();
        if let Some(unit) = unit {
            metrics::unit(&labels(&span), &unit);
        }
    }
}

impl QueryLayer {
    fn query<S>(&self, event: &Event<'_>, context: &Context<'_, S>, log: Log<'_>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let Some(query) = Query::from_event(event) else {
            return;
        };
        let span = context.event_span(event);
        let call = span
            .as_ref()
            .and_then(|span| span.extensions().get::<Arc<Call>>().cloned());
        let call = call.as_deref();
        let of_call = call.filter(|call| call.take_statement(&query));
        // A call of a client counts at its start.
        let is_counted = of_call.is_some_and(|call| call.counted_statement().is_some());
        if let Some(span) = span
            .as_ref()
            .filter(|_| !is_counted && !query.statement.is_connection_setup())
        {
            self.count(span, call, &query.statement);
        }
        if of_call.is_none() {
            metrics::operation(Some(&query.statement), None, query.elapsed, None);
            self.add_span(&query);
        }
        // A call of a client logs at its end.
        let logs_itself = of_call.is_some_and(|call| call.client.is_some());
        let slow = self.0.limits.slow.filter(|_| !logs_itself);
        if let Some(threshold) = slow.filter(|threshold| query.elapsed >= *threshold) {
            log_events::slow(&query.statement.summary, query.elapsed, threshold, log);
        }
    }

    fn add_span(&self, query: &Query) {
        let Some(spans) = &self.0.spans else { return };
        let end = SystemTime::now();
        if let Some(recorder) = &self.0.recorder
            && recorded_statement::add(&**recorder, spans, query, end)
        {
            return;
        }
        spans.add(|| exported_statement(query, end));
    }

    /// Counts the statement in its unit of work.
    fn count<S>(&self, span: &SpanRef<'_, S>, call: Option<&Call>, statement: &Arc<Statement>)
    where
        S: for<'a> LookupSpan<'a>,
    {
        // The unit's span is that of the innermost request, or else the root.
        let mut unit = None;
        for span in span.scope() {
            #[cfg(feature = "testing")]
            if let Some(recorder) = span
                .extensions()
                .get::<super::statement_recorder::Recorder>()
            {
                recorder.record(statement);
            }
            let is_found = unit
                .as_ref()
                .is_some_and(|unit: &SpanRef<'_, S>| is_request(unit.metadata()));
            if !is_found {
                unit = Some(span);
            }
        }
        let Some(unit_span) = unit else { return };
        let site = || site(span, call, &unit_span.id());
        let limit = self.0.limits.repeats;
        if let Some(unit) = unit_span.extensions_mut().get_mut::<UnitOfWork>() {
            return unit.add(statement, limit, site);
        }
        // The context is read before the span's extensions are locked, because it is stored there.
        let new = UnitOfWork::new(self.0.contexts.of(&unit_span.id()).unwrap_or_default());
        let mut extensions = unit_span.extensions_mut();
        // Another thread may have inserted a unit into the span.
        if extensions.get_mut::<UnitOfWork>().is_none() {
            extensions.insert(new);
        }
        if let Some(unit) = extensions.get_mut::<UnitOfWork>() {
            unit.add(statement, limit, site);
        }
    }

    /// Reports repeated statements, once for each unit.
    fn report<S>(&self, span: &SpanRef<'_, S>, log: Log<'_>)
    where
        S: for<'a> LookupSpan<'a>,
    {
        let Some(limit) = self.0.limits.repeats else {
            return;
        };
        // Copied before the event is logged, because the log layer locks the span's extensions.
        let taken = span.extensions_mut().get_mut::<UnitOfWork>().map(|unit| {
            let repeated = unit.take_repeated(limit);
            (repeated, unit.queries(), unit.context().clone())
        });
        let Some((repeated, queries, context)) = taken else {
            return;
        };
        let Some(worst) = repeated.first() else {
            return;
        };
        let labels = labels(span);
        for repeat in &repeated {
            metrics::repeated(&labels, repeat);
        }
        let ids = SpanIds::from_context(context.span().span_context());
        let id = span.id();
        with_ids(Some(&id), ids, || {
            log_events::repeated(&id, worst, queries, log);
        });
    }
}

/// The span of a statement that has ended.
pub(super) fn exported_statement(query: &Query, end: SystemTime) -> RetroactiveSpan {
    RetroactiveSpan {
        name: attributes::span_name(&query.statement, None),
        kind: SpanKind::Client,
        start: end.checked_sub(query.elapsed).unwrap_or(end),
        end,
        attributes: attributes::statement_attributes(&query.statement, None, Some(query)),
    }
}

/// Notes who has acquired a connection: a call, or else the current span.
fn note_acquired<S>(event: &Event<'_>, context: &Context<'_, S>)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let Some(span) = context.event_span(event) else {
        return;
    };
    let call = span.extensions().get::<Arc<Call>>().cloned();
    if let Some(call) = call {
        return call.acquired();
    }
    let now = i64::try_from(nanos(SystemTime::now())).unwrap_or(i64::MAX);
    evidence::for_recorder_only(|| {
        let current = thread::current_context();
        current
            .span()
            .set_attribute(KeyValue::new(CONNECTION_ACQUIRED, now));
    });
}

fn labels<S>(span: &SpanRef<'_, S>) -> UnitLabels
where
    S: for<'a> LookupSpan<'a>,
{
    let metadata = span.metadata();
    let extensions = span.extensions();
    UnitLabels {
        http_route: span_field(&extensions, "http.route"),
        rpc_method: span_field(&extensions, "rpc.method"),
        // Span names are literals in the source, so the label has few values.
        span_name: Some(metadata.name()).filter(|_| !is_request(metadata)),
    }
}

/// Returns whether the span is that of an HTTP request or a gRPC call.
fn is_request(metadata: &Metadata<'_>) -> bool {
    matches!(metadata.target(), ACCESS_TARGET | GRPC_TARGET)
}

/// Returns the origin of a statement.
///
/// `function` is the name of the innermost span that is neither the call's nor the unit's. `file`
/// and `line` are those of the call or, without a call, of that innermost span.
fn site<S>(span: &SpanRef<'_, S>, call: Option<&Call>, unit: &Id) -> CallSite
where
    S: for<'a> LookupSpan<'a>,
{
    let mut enclosing = span.scope().skip(usize::from(call.is_some()));
    let enclosing = enclosing.next().filter(|span| span.id() != *unit);
    let metadata = enclosing.map(|span| span.metadata());
    let location = metadata.and_then(|metadata| Some((metadata.file()?, metadata.line()?)));
    let location = call
        .map(|call| (call.site.file(), call.site.line()))
        .or(location);
    CallSite {
        function: metadata.map(Metadata::name),
        file: location.map(|(file, _)| file),
        line: location.map(|(_, line)| line),
    }
}
