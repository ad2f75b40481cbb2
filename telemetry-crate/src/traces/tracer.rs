//! The tracer under `tracing-opentelemetry`: decides whether a span is kept, and gives it its ids.
//!
//! Sampling and ids are the SDK's. What is ours is what a [`Span`] is, and that one whose trace is not exported from here
//! has ids, is propagated as the sampler decided, and records nothing.

use std::{borrow::Cow, cell::Cell, sync::Arc};

use opentelemetry::{
    Context, InstrumentationScope,
    trace::{SpanBuilder, SpanContext, SpanKind, TraceContextExt},
};
use opentelemetry_sdk::trace::{
    IdGenerator, RandomIdGenerator, Sampler, SamplingDecision, ShouldSample, SpanData,
};

use super::{
    propagation::{self, RANDOM},
    span::{Span, Start},
};
use crate::{config::SpanLimits, export::Queue};

/// Makes tracers; the process-wide one, for instrumentation that talks to OpenTelemetry directly.
#[derive(Debug, Clone)]
pub(super) struct TracerProvider {
    sampler: Arc<Sampler>,
    limits: SpanLimits,
    /// Absent if nothing is exported.
    queue: Option<Queue<SpanData>>,
}

/// Makes spans.
#[derive(Debug, Clone)]
pub(crate) struct Tracer(Arc<Shared>);

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) scope: InstrumentationScope,
    pub(super) limits: SpanLimits,
    sampler: Arc<Sampler>,
    ids: RandomIdGenerator,
    queue: Option<Queue<SpanData>>,
}

impl Shared {
    pub(super) fn ended(&self, data: SpanData) {
        if let Some(queue) = &self.queue {
            queue.push(data);
            queue.stats().ended();
        }
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
        }
    }
}

/// A name that no instrumentation has; asking for its tracer asks whose provider answers.
const PROBE: &str = "firstlight.probe";

thread_local! {
    static ANSWERED: Cell<bool> = const { Cell::new(false) };
}

/// Whether the process-wide tracer provider is firstlight's: a program that sets another one after the start takes the spans of
/// all instrumentation that talks to OpenTelemetry directly, and `tracing`'s own stay here.
pub(crate) fn provider_is_ours() -> bool {
    ANSWERED.set(false);
    // Making a tracer makes no span, so no exporter sees anything of the question.
    drop(opentelemetry::global::tracer(PROBE));
    ANSWERED.replace(false)
}

impl opentelemetry::trace::TracerProvider for TracerProvider {
    type Tracer = Tracer;

    fn tracer(&self, name: impl Into<Cow<'static, str>>) -> Tracer {
        self.tracer_with_scope(InstrumentationScope::builder(name).build())
    }

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> Tracer {
        if scope.name() == PROBE {
            // A thread that ends asks no questions.
            let _ = ANSWERED.try_with(|answered| answered.set(true));
        }
        Tracer(Arc::new(Shared {
            scope,
            limits: self.limits,
            sampler: self.sampler.clone(),
            ids: RandomIdGenerator::default(),
            queue: self.queue.clone(),
        }))
    }
}

impl opentelemetry::trace::Tracer for Tracer {
    type Span = Span;

    fn build_with_context(&self, builder: SpanBuilder, parent: &Context) -> Span {
        if parent.is_telemetry_suppressed() {
            return Span::none();
        }
        let shared = &self.0;
        let parent_span = parent.span();
        // Specification, "SpanContext": one without valid ids is no parent.
        let parent_context = Some(parent_span.span_context()).filter(|context| context.is_valid());
        let trace_id = match parent_context {
            Some(context) => context.trace_id(),
            None => shared.ids.new_trace_id(),
        };
        // Such a parent has no part in the decision: to a sampler it would be one that says no.
        let is_deferred =
            parent_context.is_some_and(SpanContext::is_remote) && propagation::is_deferred(parent);
        let decision = shared.sampler.should_sample(
            Some(parent).filter(|_| !is_deferred),
            trace_id,
            &builder.name,
            builder.span_kind.as_ref().unwrap_or(&SpanKind::Internal),
            builder.attributes.as_deref().unwrap_or_default(),
            builder.links.as_deref().unwrap_or_default(),
        );
        // No sampler of ours decides to record without sampling.
        let sampled = decision.decision == SamplingDecision::RecordAndSample;
        // All of an id that is made here is random, and of a parent's its maker has said it.
        let flags = parent_context.map_or(RANDOM, SpanContext::trace_flags);
        let context = SpanContext::new(
            trace_id,
            shared.ids.new_span_id(),
            flags.with_sampled(sampled),
            false,
            decision.trace_state,
        );
        let Some(queue) = shared.queue.as_ref().filter(|_| sampled) else {
            return Span::unrecorded(context);
        };
        queue.stats().opened();
        let start = Start {
            context,
            parent: parent_context
                .map_or(opentelemetry::trace::SpanId::INVALID, SpanContext::span_id),
            parent_is_remote: parent_context.is_some_and(SpanContext::is_remote),
        };
        Span::recorded(start.into_data(shared, builder), shared.clone())
    }
}
