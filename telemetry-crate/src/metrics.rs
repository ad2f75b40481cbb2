//! The metrics signal, which shows whether the system is healthy right now.
//!
//! A program records with the macros of the `metrics` crate. This module is the recorder behind those macros, and renders
//! what `GET /metrics` serves.
//!
//! ```text
//! counter!(…)  ─▶ recorder ─▶ cache ─hit──────────────────────▶ handle
//!                               └─miss▶ registry ─▶ family ─▶ series (an atomic, or a histogram with exemplars)
//! GET /metrics ─▶ MetricsHandle::render  ─▶ exposition ◀─┬─ registry, collectors (process, resource, exporters of
//! OTLP push    ─▶ MetricsHandle::to_otlp ─▶ points     ◀─┘                        other signals)
//! ```
//!
//! Names and labels are made valid, each metric has a cardinality limit, and a histogram takes a fixed amount of memory.
//! There are no summaries, because they cannot be aggregated over replicas. Idle series are not removed, because a series
//! that disappears looks like a restart.

mod aliases;
mod buckets;
mod cache;
mod canonical;
mod cardinality;
#[cfg(target_os = "linux")]
mod cgroup;
mod declarations;
mod document;
mod exemplar;
mod exposition;
mod families;
mod family;
mod format;
mod front_recorder;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod growth;
mod handle;
mod handle_probe;
mod handles;
mod histogram;
mod info;
mod local;
mod names;
mod otlp;
mod process;
mod push;
mod registry;
mod rejected;
mod sample_list;
mod series_report;
mod sink;
#[cfg(any(test, fuzzing))]
mod strict_parser;
#[cfg(test)]
mod tests;
mod unit;

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

pub mod catalog {
    //! Every metric that this crate emits: name, kind, unit, labels, buckets and help.

    pub use crate::catalog::*;
}

#[cfg(any(feature = "console", feature = "testing"))]
pub(crate) use self::canonical::unescape;
#[cfg(feature = "console")]
pub(crate) use self::{
    canonical::pairs as label_pairs, handle::Series, histogram::Histogram, process::cpu_seconds,
};
pub(crate) use self::{process::ProcessMemory, sample_list::SampleList};
pub use crate::declared::{Bound, DeclaredMetric, Label, Objective};
pub use document::MetricDocument;
pub use format::Format;
pub use handle_probe::{MetricHandle, is_recorded};
pub(crate) use {
    aliases::Aliases,
    declarations::Declarations,
    exemplar::turn_off as turn_exemplars_off,
    front_recorder::FrontRecorder,
    handles::{Durations, Handles, Kept},
    otlp::MetricsRequest,
    push::MetricsPush,
    rejected::RejectedMetric,
    series_report::SeriesReport,
};

use self::{
    buckets::Buckets, cardinality::CardinalityLimiter, info::InfoCollector, otlp::Points,
    process::ProcessCollector, registry::Registry, sink::Sink,
};
use crate::{collector::Collector, config::CardinalityLimits, resource::Resource};

/// The configuration of the metrics signal.
#[derive(Debug, Default)]
pub(crate) struct MetricsOptions {
    /// All attributes of the resource, for `target_info` and `build_info`.
    pub(crate) resource: Vec<(String, String)>,
    /// Upper bounds of histogram buckets, by metric.
    ///
    /// The caller has checked them with [`validate_buckets`](crate::config::validate_buckets).
    pub(crate) buckets: Vec<(String, Vec<f64>)>,
    /// Limits on the number of series.
    pub(crate) cardinality: CardinalityLimits,
    /// Further names of metrics in the exposition.
    pub(crate) aliases: Aliases,
    /// The metrics that the program declares.
    ///
    /// Their buckets and limits are in `buckets` and `cardinality` too.
    pub(crate) declared: Declarations,
}

/// The metrics signal.
///
/// Building it registers nothing global.
#[derive(Debug)]
pub(crate) struct Metrics {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    registry: Arc<Registry>,
    collectors: RwLock<Vec<Arc<dyn Collector>>>,
    /// The start of all cumulative counts.
    started: SystemTime,
    /// Whether the metrics were rendered at least once.
    is_read: AtomicBool,
}

impl Metrics {
    pub(crate) fn new(options: MetricsOptions) -> Self {
        let registry = Arc::new(Registry::new(
            Buckets::new(options.buckets),
            CardinalityLimiter::new(options.cardinality),
            options.aliases,
            options.declared,
        ));
        let collectors: Vec<Arc<dyn Collector>> = vec![
            Arc::new(InfoCollector::new(options.resource)),
            Arc::new(ProcessCollector::new()),
        ];
        Self {
            shared: Arc::new(Shared {
                registry,
                collectors: RwLock::new(collectors),
                started: SystemTime::now(),
                is_read: AtomicBool::new(false),
            }),
        }
    }

    /// The recorder for the macros of the `metrics` crate.
    pub(crate) fn recorder(&self) -> FrontRecorder {
        FrontRecorder::new(Arc::clone(&self.shared.registry))
    }

    /// A handle that renders the metrics.
    pub(crate) fn handle(&self) -> MetricsHandle {
        MetricsHandle {
            shared: Arc::clone(&self.shared),
        }
    }
}

/// A handle that renders the metrics.
///
/// Use it in a service that serves the metrics itself, and in tests. Clones are cheap and render the same metrics.
#[derive(Debug, Clone)]
pub struct MetricsHandle {
    shared: Arc<Shared>,
}

impl MetricsHandle {
    /// Renders all metrics as an exposition, sorted by name and labels.
    ///
    /// Serve it with [`Format::content_type`]. On Linux this reads a few files of `/proc` and
    /// `/sys/fs/cgroup`, and otherwise only memory. The cost is linear in the number of series.
    pub fn render(&self, format: Format) -> String {
        self.shared.is_read.store(true, Ordering::Relaxed);
        let mut exposition = exposition::Exposition::new(format, &self.shared.registry.aliases);
        self.collect(&mut exposition);
        exposition.finish()
    }

    /// The same series as OTLP requests.
    ///
    /// Returns one request, or several if one would be larger than collectors accept.
    ///
    /// Costs about as much as [`render`](Self::render).
    pub(crate) fn to_otlp(&self, resource: &Resource, now: SystemTime) -> Vec<MetricsRequest> {
        let mut points = Points::new(self.shared.started, now);
        self.collect(&mut points);
        points.requests(&resource.to_proto())
    }

    /// All counters and gauges.
    pub(crate) fn samples(&self) -> SampleList {
        let mut samples = SampleList::default();
        self.collect(&mut samples);
        samples
    }

    fn collect(&self, sink: &mut dyn Sink) {
        self.shared.registry.collect(sink);
        // The list is copied, so that a collector can add another one without a deadlock.
        let collectors = self
            .shared
            .collectors
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for collector in &collectors {
            collector.collect(sink);
        }
        self.warn_overflows();
    }

    /// Logs one warning for each metric that newly exceeded its limit.
    ///
    /// The recorder cannot log the warning, because the recorder runs inside arbitrary code of the program. That code may
    /// be a `tracing` layer that holds a lock, and an event would enter the same layer again. A scrape holds no lock of the
    /// program. The shutdown also calls this method, for a program that is not scraped.
    pub(crate) fn warn_overflows(&self) {
        for report in self.shared.registry.newly_overflowed() {
            tracing::warn!(target: "firstlight", "{report}");
        }
    }

    /// Reports on all metrics, the one with the most series first.
    pub(crate) fn series(&self) -> Vec<SeriesReport> {
        self.shared.registry.series()
    }

    /// The series of a metric of the catalog, with their labels as in the exposition.
    ///
    /// Without the samples of collectors.
    #[cfg(feature = "console")]
    pub(crate) fn series_of(&self, metric: &catalog::Metric) -> Vec<(Arc<str>, Series)> {
        self.shared.registry.series_of(metric)
    }

    /// Whether the metrics were rendered, for a scraper or for the program.
    pub(crate) fn is_read(&self) -> bool {
        self.shared.is_read.load(Ordering::Relaxed)
    }

    /// Whether a handle of the metric with this name was created.
    pub(crate) fn has_metric(&self, name: &str) -> bool {
        self.shared.registry.has_metric(name)
    }

    /// Metrics that the program has described or given an alias and never used.
    ///
    /// Either the program has not used them yet, or their handles were created before `init()` and are no-ops. Only
    /// [`is_recorded`] can distinguish these cases.
    pub(crate) fn described_and_absent(&self) -> Vec<String> {
        self.shared.registry.described_and_absent()
    }

    /// Metrics that are recorded without a declaration.
    ///
    /// Empty if the program declares none. Libraries may record them.
    pub(crate) fn undeclared(&self) -> Vec<String> {
        self.shared.registry.undeclared()
    }

    /// Adds a collector, which is read at every scrape and push from now on.
    pub(crate) fn add_collector(&self, collector: Arc<dyn Collector>) {
        let mut collectors = self
            .shared
            .collectors
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        collectors.push(collector);
    }

    /// The rejected metrics that the program uses, each once, with the reason.
    pub(crate) fn rejected(&self) -> Vec<RejectedMetric> {
        self.shared.registry.rejected.list()
    }
}
