//! Traces: `tracing` spans become OpenTelemetry spans and leave over OTLP.
//!
//! `tracing` → `tracing-opentelemetry` → our `tracer` and its `span` → our `processor` → our exporter `thread` →
//! `opentelemetry-otlp` over our `client`. Ids exist whether or not anything is exported, so that log lines always
//! correlate. No type of `opentelemetry` leaves this crate: its releases break every few months, our users must not.

mod canary;
mod client;
mod events;
mod limits;
mod processor;
mod propagation;
mod span;
mod stats;
mod thread;
mod tracer;

use std::sync::Arc;

use opentelemetry::{propagation::TextMapCompositePropagator, trace::TracerProvider as _};
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::trace::{Sampler, SpanExporter};
use tracing::{Level, Metadata, Subscriber, level_filters::LevelFilter, subscriber::Interest};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::{
    Layer,
    filter::Targets,
    layer::{Context, Filter},
    registry::LookupSpan,
};

pub use self::propagation::RemoteParent;
pub(crate) use self::{
    canary::{Canary, send_canary},
    propagation::{Remote, inject, propagator_is_ours},
};
use self::{
    client::OtlpClient,
    events::EventLayer,
    processor::BatchProcessor,
    propagation::propagator,
    thread::ExporterThread,
    tracer::{Tracer, TracerProvider},
};
pub(crate) use self::{limits::Limits, processor::Unsent, stats::ExportStats};
use crate::{
    InitError,
    config::{ExportSettings, SamplerSetting, Settings},
};

/// The traces pillar, built and not yet running.
pub(crate) struct Traces {
    provider: TracerProvider,
    filter: Targets,
    events: LevelFilter,
    propagator: TextMapCompositePropagator,
    remote_parent: Option<RemoteParent>,
    export: Option<Export>,
}

struct Export {
    settings: ExportSettings,
    processor: BatchProcessor,
    exporter: opentelemetry_otlp::SpanExporter,
    stats: Arc<ExportStats>,
}

impl Traces {
    pub(crate) fn new(settings: &Settings) -> Result<Self, InitError> {
        let mut export = None;
        if let Some(export_settings) = settings.export.clone() {
            let stats = Arc::new(ExportStats::new(export_settings.max_queue_size));
            let mut exporter = exporter(&export_settings, stats.clone())?;
            exporter.set_resource(&settings.resource.to_sdk());
            export = Some(Export {
                processor: BatchProcessor::new(&export_settings, stats.clone()),
                settings: export_settings,
                exporter,
                stats,
            });
        }
        let processor = export.as_ref().map(|export| export.processor.clone());
        Ok(Self {
            provider: TracerProvider::new(
                sampler(settings.sampler),
                settings.span_limits,
                processor,
            ),
            filter: settings.trace_filter.clone(),
            events: settings.trace_events,
            propagator: propagator(&settings.propagators),
            remote_parent: settings.remote_parent,
            export,
        })
    }

    pub(crate) fn stats(&self) -> Option<Arc<ExportStats>> {
        self.export.as_ref().map(|export| export.stats.clone())
    }

    /// The layer that makes spans.
    pub(crate) fn span_layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let spans: OpenTelemetryLayer<S, Tracer> = tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(env!("CARGO_PKG_NAME")));
        spans
            // Source locations, thread names and busy times cost more than the rest of a span together, on every
            // poll, and answer no question that the three pillars exist for.
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(TraceFilter {
                spans: self.filter.clone(),
                events: LevelFilter::OFF,
            })
    }

    /// What writes events on spans.
    pub(crate) fn span_events(&self) -> SpanEvents {
        SpanEvents {
            layer: EventLayer::default(),
            filter: Arc::new(TraceFilter {
                spans: self.filter.clone(),
                events: self.events,
            }),
        }
    }

    /// Starts the exporter's thread, and makes the propagator and the tracer the process's own, for instrumentation that
    /// talks to OpenTelemetry directly.
    pub(crate) fn install(self) -> Result<TracesHandle, InitError> {
        let export = match self.export {
            None => None,
            Some(Export {
                settings,
                processor,
                exporter,
                stats,
            }) => {
                ExporterThread::start(settings, processor.clone(), exporter, stats.clone())?;
                Some((processor, stats))
            }
        };
        opentelemetry::global::set_text_map_propagator(self.propagator);
        if let Some(remote_parent) = self.remote_parent {
            propagation::choose(remote_parent);
        }
        opentelemetry::global::set_tracer_provider(self.provider);
        Ok(TracesHandle { export })
    }
}

/// The traces pillar, running.
#[derive(Debug)]
pub(crate) struct TracesHandle {
    export: Option<(BatchProcessor, Arc<ExportStats>)>,
}

impl TracesHandle {
    pub(crate) fn export(&self) -> Option<(&BatchProcessor, &ExportStats)> {
        self.export
            .as_ref()
            .map(|(processor, stats)| (processor, stats.as_ref()))
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

fn exporter(
    settings: &ExportSettings,
    stats: Arc<ExportStats>,
) -> Result<opentelemetry_otlp::SpanExporter, InitError> {
    opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        // Said, not left to the exporter: Cargo features of other crates in the tree change its defaults.
        .with_protocol(Protocol::HttpBinary)
        .with_http_client(OtlpClient::new(settings.request_timeout, stats))
        .with_endpoint(settings.endpoint.to_string())
        .with_timeout(settings.request_timeout)
        .with_headers(settings.headers.iter().cloned().collect())
        .build()
        .map_err(|error| InitError::Exporter {
            reason: error.to_string(),
        })
}

/// The layer that writes events on spans, and what becomes part of a trace at all.
#[derive(Debug, Clone)]
pub(crate) struct SpanEvents {
    pub(crate) layer: EventLayer,
    filter: Arc<TraceFilter>,
}

impl SpanEvents {
    /// Whether a trace has such spans, or events; the metadata alone decides.
    pub(crate) fn keeps(&self, metadata: &Metadata<'_>) -> bool {
        self.filter.keeps(metadata)
    }

    pub(crate) fn max_level_hint(&self) -> Option<LevelFilter> {
        Filter::<tracing_subscriber::Registry>::max_level_hint(&*self.filter)
    }
}

/// Which spans and events become part of a trace. Independent of the log filter.
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
        // Our own lines about a request say what its span says already.
        *level <= self.events && target != ACCESS_TARGET
    }
}

/// Metadata alone decides, so every answer is cached by `tracing`.
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

/// The target of the request's span and of its access line.
pub(crate) const ACCESS_TARGET: &str = "firstlight::http";

/// The level of the spans that firstlight makes itself, which the default filters of both pillars let through.
pub(crate) const SPAN_LEVEL: Level = Level::INFO;
