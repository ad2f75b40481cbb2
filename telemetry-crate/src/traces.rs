//! The traces signal: `tracing` spans as OpenTelemetry spans over OTLP.
//!
//! A span passes `tracing-opentelemetry`, then `tracer` and `span` of this module, then the queue and the exporters' thread
//! of [`export`](crate::export). That thread encodes it, and sends it with this crate's client. Spans have ids even if
//! nothing is exported, so that log lines can always be correlated.

mod baggage;
mod canary;
mod encoding;
mod events;
mod export;
mod failures;
mod limits;
mod note;
mod propagation;
#[cfg(feature = "db")]
mod retroactive;
mod span;
mod tracer;

use std::sync::Arc;

use opentelemetry::{propagation::TextMapCompositePropagator, trace::TracerProvider as _};
use opentelemetry_sdk::trace::{Sampler, SpanData};
use tracing::{Level, Metadata, level_filters::LevelFilter, subscriber::Interest};
use tracing_subscriber::{
    filter::Targets,
    layer::{Context, Filter},
};

#[cfg(any(test, fuzzing))]
pub(crate) use self::propagation::fuzz;
#[cfg(feature = "db")]
pub(crate) use self::retroactive::{RetroactiveSpan, RetroactiveSpans};
pub(crate) use self::{
    canary::{Canary, send_canary},
    propagation::{HEADER_NAMES, Remote, inject, is_propagator_registered},
    tracer::{Tracer as SpanTracer, is_provider_registered},
};
use self::{
    events::EventLayer, export::SpanExport, propagation::propagator, tracer::TracerProvider,
};
pub(crate) use crate::targets::{ACCESS_TARGET, GRPC_TARGET, QUERY_TARGET};
use crate::{
    InitError,
    collector::Collector,
    config::{RemoteParent, SamplerSetting, Settings},
    evidence::SpanSink,
    export::{Batches, ExportStats, ExporterThread, Queue},
    signal::Signal,
};

/// The traces signal, built and not yet running.
pub(crate) struct Traces {
    provider: TracerProvider,
    filter: Targets,
    events: LevelFilter,
    propagator: TextMapCompositePropagator,
    remote_parent: Option<RemoteParent>,
    export: Option<Export>,
}

struct Export {
    endpoint: String,
    queue: Queue<SpanData>,
    batches: Batches<SpanExport>,
}

impl Traces {
    pub(crate) fn new(settings: &Settings) -> Result<Self, InitError> {
        let export = settings.exports.traces.as_ref().map(|export| {
            let capacity = export.batching.max_queue_size;
            let stats = Arc::new(ExportStats::new(Signal::Traces, capacity));
            let queue = Queue::new(&export.batching, stats);
            let exporter = SpanExport::new(&export.destination, &queue, &settings.resource)?;
            Ok(Export {
                endpoint: export.destination.address(),
                batches: Batches::new(queue.clone(), exporter, &export.batching),
                queue,
            })
        });
        let export = export.transpose()?;
        let queue = export.as_ref().map(|export| export.queue.clone());
        Ok(Self {
            export,
            ..Self::into_queue(settings, queue)
        })
    }

    /// A traces signal that puts ended spans into `queue`, which the caller empties.
    ///
    /// Without a queue, ended spans are dropped.
    pub(crate) fn into_queue(settings: &Settings, queue: Option<Queue<SpanData>>) -> Self {
        let mut provider =
            TracerProvider::new(sampler(settings.sampler), settings.span_limits, queue);
        if let Some(limit) = settings.trace_failures {
            provider.export_failures(limit.get());
        }
        Self {
            provider,
            filter: settings.trace_filter.clone(),
            events: settings.trace_events,
            propagator: propagator(&settings.propagators),
            remote_parent: settings.remote_parent,
            export: None,
        }
    }

    /// Also reports each span to the flight recorder.
    pub(crate) fn report_to(&mut self, sink: Arc<dyn SpanSink>) {
        self.provider.report_to(sink);
    }

    /// Registers only the global propagator.
    #[cfg(feature = "testing")]
    pub(crate) fn install_propagator(settings: &Settings) {
        opentelemetry::global::set_text_map_propagator(propagator(&settings.propagators));
    }

    pub(crate) fn stats(&self) -> Option<Arc<ExportStats>> {
        self.export
            .as_ref()
            .map(|export| export.queue.stats().clone())
    }

    /// The counts of failed roots, if unsampled ones are exported.
    pub(crate) fn failures(&self) -> Option<Arc<dyn Collector>> {
        let failures = self.provider.failures()?;
        Some(failures.clone())
    }

    /// The tracer that creates OpenTelemetry spans for `tracing` spans.
    pub(crate) fn span_tracer(&self) -> SpanTracer {
        self.provider.tracer(env!("CARGO_PKG_NAME"))
    }

    /// The layer that adds events to spans, with its filter.
    pub(crate) fn span_events(&self) -> SpanEvents {
        SpanEvents {
            layer: EventLayer::default(),
            filter: Arc::new(TraceFilter {
                spans: self.filter.clone(),
                events: self.events,
            }),
        }
    }

    /// A factory of spans for operations that have ended.
    #[cfg(feature = "db")]
    pub(crate) fn retroactive_spans(&self) -> RetroactiveSpans {
        RetroactiveSpans {
            tracer: self.span_tracer(),
            filter: Arc::new(TraceFilter {
                spans: self.filter.clone(),
                events: LevelFilter::OFF,
            }),
        }
    }

    /// Passes the export to the exporters' thread, and registers the globals.
    ///
    /// The global propagator and tracer provider are for instrumentation that uses OpenTelemetry directly.
    pub(crate) fn install(self, thread: &mut ExporterThread) -> Option<Queue<SpanData>> {
        let queue = self.export.map(|export| {
            let stats = export.queue.stats().clone();
            thread.add_batches(Signal::Traces, export.endpoint, stats, export.batches);
            export.queue
        });
        opentelemetry::global::set_text_map_propagator(self.propagator);
        if let Some(remote_parent) = self.remote_parent {
            propagation::set_remote_parent(remote_parent);
        }
        opentelemetry::global::set_tracer_provider(self.provider);
        queue
    }
}

fn sampler(setting: SamplerSetting) -> Sampler {
    let root = match setting.ratio {
        1.0 => Sampler::AlwaysOn,
        0.0 => Sampler::AlwaysOff,
        ratio => Sampler::TraceIdRatioBased(ratio),
    };
    if setting.parent_based {
        Sampler::ParentBased(Box::new(root))
    } else {
        root
    }
}

/// The layer that adds events to spans, and the filter of traces.
#[derive(Debug, Clone)]
pub(crate) struct SpanEvents {
    pub(crate) layer: EventLayer,
    filter: Arc<TraceFilter>,
}

impl SpanEvents {
    /// Whether spans or events of this metadata become part of a trace.
    pub(crate) fn keeps(&self, metadata: &Metadata<'_>) -> bool {
        self.filter.keeps(metadata)
    }

    pub(crate) fn max_level_hint(&self) -> Option<LevelFilter> {
        Filter::<tracing_subscriber::Registry>::max_level_hint(&*self.filter)
    }
}

/// Selects the spans and events that become part of a trace.
///
/// It is independent of the log filter.
#[derive(Debug)]
struct TraceFilter {
    spans: Targets,
    events: LevelFilter,
}

impl TraceFilter {
    fn keeps(&self, metadata: &Metadata<'_>) -> bool {
        let (target, level) = (metadata.target(), metadata.level());
        if metadata.is_span() {
            return self.spans.would_enable(target, level);
        }
        // firstlight's and sqlx's events about a request or a query repeat what its span already contains.
        *level <= self.events
            && target != ACCESS_TARGET
            && target != GRPC_TARGET
            && !is_query_target(target)
    }
}

/// Whether this is the target of sqlx's events about statements.
///
/// These events stay out of traces, because statements have spans.
fn is_query_target(target: &str) -> bool {
    cfg!(feature = "db") && target == QUERY_TARGET
}

/// The filter depends only on metadata, so `tracing` caches every result.
impl<S> Filter<S> for TraceFilter {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.keeps(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.keeps(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let spans = Filter::<tracing_subscriber::Registry>::max_level_hint(&self.spans)?;
        Some(spans.max(self.events))
    }
}

/// The level of firstlight's own spans.
///
/// The default filters of logs and traces let it through.
pub(crate) const SPAN_LEVEL: Level = Level::INFO;
