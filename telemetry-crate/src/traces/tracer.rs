//! The tracer under `tracing-opentelemetry`: sampling and ids.
//!
//! The SDK samples and generates ids. The [`Span`] type is firstlight's own. A span that is not exported has ids, is
//! propagated with the sampler's decision, and records nothing.

use std::{borrow::Cow, cell::Cell, sync::Arc, time::SystemTime};

use opentelemetry::{
    Context, InstrumentationScope,
    trace::{SpanBuilder, SpanContext, SpanKind, TraceContextExt},
};
use opentelemetry_sdk::trace::{
    IdGenerator, RandomIdGenerator, Sampler, SamplingDecision, ShouldSample, SpanData,
};

use super::{
    failures::Failures,
    note,
    propagation::{self, RANDOM_FLAG},
    span::{Span, Start},
};
use crate::{
    config::SpanLimits,
    evidence::{SpanNote, SpanSink, SpanStart, is_for_export_only},
    export::Queue,
    secret::without_credentials,
};

/// Creates tracers.
///
/// The provider is also registered globally, for instrumentation that uses OpenTelemetry directly.
#[derive(Debug, Clone)]
pub(super) struct TracerProvider {
    sampler: Arc<Sampler>,
    limits: SpanLimits,
    /// `None` if nothing is exported.
    queue: Option<Queue<SpanData>>,
    /// `None` without a flight recorder.
    sink: Option<Arc<dyn SpanSink>>,
    /// `None` if unsampled spans are not exported.
    failures: Option<Arc<Failures>>,
}

/// Creates spans.
#[derive(Debug, Clone)]
pub(crate) struct Tracer(Arc<TracerInner>);

#[derive(Debug)]
pub(super) struct TracerInner {
    pub(super) scope: InstrumentationScope,
    pub(super) limits: SpanLimits,
    sampler: Arc<Sampler>,
    ids: RandomIdGenerator,
    queue: Option<Queue<SpanData>>,
    sink: Option<Arc<dyn SpanSink>>,
    failures: Option<Arc<Failures>>,
}

impl TracerInner {
    /// Queues an ended span for the export.
    pub(super) fn export(&self, data: SpanData) {
        if let Some(queue) = &self.queue {
            queue.push(data);
            queue.stats().ended();
        }
    }

    /// Reports a new span to the flight recorder, unless it is for the export only.
    fn note(
        &self,
        context: &SpanContext,
        parent: Option<&SpanContext>,
        builder: &SpanBuilder,
    ) -> Option<SpanNote> {
        let sink = self.sink.as_ref().filter(|_| !is_for_export_only())?;
        let attributes = builder.attributes.as_deref().unwrap_or_default();
        sink.start(&SpanStart {
            trace_id: context.trace_id(),
            span_id: context.span_id(),
            parent: parent.map(SpanContext::span_id),
            kind: builder.span_kind.clone().unwrap_or(SpanKind::Internal),
            name: &without_credentials(&builder.name, false),
            attributes: &|visit| note::visit_all(attributes, visit),
            time: builder.start_time.unwrap_or_else(SystemTime::now),
        })
    }
}

#[cfg(all(test, feature = "testing"))]
impl Tracer {
    pub(super) fn failures(&self) -> Option<&Arc<Failures>> {
        self.0.failures.as_ref()
    }
}

impl TracerProvider {
    pub(super) fn new(
        sampler: Sampler,
        limits: SpanLimits,
        queue: Option<Queue<SpanData>>,
    ) -> Self {
        Self {
            sampler: Arc::new(sampler),
            limits,
            queue,
            sink: None,
            failures: None,
        }
    }

    /// Also reports each span to the flight recorder.
    pub(super) fn report_to(&mut self, sink: Arc<dyn SpanSink>) {
        self.sink = Some(sink);
    }

    /// Also exports about `limit` failed local roots a second that are not sampled.
    pub(super) fn export_failures(&mut self, limit: u32) {
        let queue = self.queue.clone();
        self.failures = queue.map(|queue| Arc::new(Failures::new(limit, queue)));
    }

    pub(super) fn failures(&self) -> Option<&Arc<Failures>> {
        self.failures.as_ref()
    }
}

/// The name of a tracer that is created to find out whose provider is registered.
const PROBE_NAME: &str = "firstlight.probe";

thread_local! {
    static PROBE_SEEN: Cell<bool> = const { Cell::new(false) };
}

/// Whether the global tracer provider is firstlight's.
///
/// If the program replaces the provider after the start, firstlight no longer gets the spans of instrumentation that uses
/// OpenTelemetry directly. Spans of `tracing` are not affected.
pub(crate) fn is_provider_registered() -> bool {
    PROBE_SEEN.set(false);
    // Creating a tracer creates no span, so the probe is not exported.
    drop(opentelemetry::global::tracer(PROBE_NAME));
    PROBE_SEEN.replace(false)
}

impl opentelemetry::trace::TracerProvider for TracerProvider {
    type Tracer = Tracer;

    fn tracer(&self, name: impl Into<Cow<'static, str>>) -> Tracer {
        self.tracer_with_scope(InstrumentationScope::builder(name).build())
    }

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> Tracer {
        if scope.name() == PROBE_NAME {
            // Fails only on a thread that is ending, which does not probe.
            let _ = PROBE_SEEN.try_with(|seen| seen.set(true));
        }
        Tracer(Arc::new(TracerInner {
            scope,
            limits: self.limits,
            sampler: self.sampler.clone(),
            ids: RandomIdGenerator::default(),
            queue: self.queue.clone(),
            sink: self.sink.clone(),
            failures: self.failures.clone(),
        }))
    }
}

impl opentelemetry::trace::Tracer for Tracer {
    type Span = Span;

    fn build_with_context(&self, builder: SpanBuilder, parent: &Context) -> Span {
        if parent.is_telemetry_suppressed() {
            return Span::none();
        }
        let tracer = &self.0;
        let parent_span = parent.span();
        // The specification says in "SpanContext" that a context without valid ids is not a parent.
        let parent_context = Some(parent_span.span_context()).filter(|context| context.is_valid());
        let trace_id = match parent_context {
            Some(context) => context.trace_id(),
            None => tracer.ids.new_trace_id(),
        };
        // A parent without a decision is hidden from the sampler, which would read it as not sampled.
        let is_deferred =
            parent_context.is_some_and(SpanContext::is_remote) && propagation::is_deferred(parent);
        let decision = tracer.sampler.should_sample(
            Some(parent).filter(|_| !is_deferred),
            trace_id,
            &builder.name,
            builder.span_kind.as_ref().unwrap_or(&SpanKind::Internal),
            builder.attributes.as_deref().unwrap_or_default(),
            builder.links.as_deref().unwrap_or_default(),
        );
        // `RecordOnly` counts as not sampled, because none of the configurable samplers returns it.
        let sampled = decision.decision == SamplingDecision::RecordAndSample;
        // A new trace id is random. A parent's flag says whether the parent's trace id is random.
        let flags = parent_context.map_or(RANDOM_FLAG, SpanContext::trace_flags);
        let context = SpanContext::new(
            trace_id,
            tracer.ids.new_span_id(),
            flags.with_sampled(sampled),
            false,
            decision.trace_state,
        );
        let note = tracer.note(&context, parent_context, &builder);
        let root = match (&tracer.queue, &tracer.failures) {
            (Some(queue), _) if sampled => {
                queue.stats().opened();
                None
            }
            (_, Some(failures)) => {
                let kind = builder.span_kind.as_ref().unwrap_or(&SpanKind::Internal);
                Some(failures.root(context.span_id(), kind, &parent_span))
            }
            _ => return Span::unrecorded(context).noted(note),
        };
        let start = Start {
            context,
            parent: parent_context
                .map_or(opentelemetry::trace::SpanId::INVALID, SpanContext::span_id),
            parent_is_remote: parent_context.is_some_and(SpanContext::is_remote),
        };
        Span::recorded(start.into_data(tracer, builder), tracer.clone())
            .noted(note)
            .within(root)
    }
}
