//! Metrics: is the system healthy right now?
//!
//! A program uses the macros of the `metrics` crate; this module is what they record into, and what `GET /metrics` shows.
//!
//! ```text
//! counter!(…)  ─▶ recorder ─▶ cache ─hit──────────────────────▶ handle
//!                               └─miss▶ registry ─▶ family ─▶ series (an atomic, or a histogram with exemplars)
//! GET /metrics ─▶ MetricsHandle::render  ─▶ page   ◀─┬─ registry, collectors (process, resource, exporters of other
//! OTLP push    ─▶ MetricsHandle::to_otlp ─▶ points ◀─┘                        signals)
//! ```
//!
//! It has what a service in production needs: names and labels that cannot break the page, a budget per metric,
//! histograms in fixed memory, exemplars, and OpenMetrics. What it leaves out: summaries, which cannot be aggregated over
//! replicas; removing idle series, which looks like a restart; and sending what is pushed.

mod buckets;
mod budget;
mod cache;
mod canonical;
#[cfg(target_os = "linux")]
mod cgroup;
mod culprit;
mod exemplar;
mod exposition;
mod families;
mod family;
mod format;
mod growth;
mod handle;
mod handles;
mod histogram;
mod info;
mod local;
mod names;
mod otlp;
mod probe;
mod process;
mod push;
mod recorder;
mod registry;
mod rejected;
mod sink;
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
    //! Every metric that this crate emits, once: name, kind, unit, labels, buckets, help.

    pub use crate::catalog::*;
}

pub use format::Format;
pub use probe::{MetricHandle, is_recorded};
pub(crate) use {
    culprit::SeriesReport,
    exemplar::turn_off as turn_exemplars_off,
    handles::{Durations, Handles},
    otlp::MetricsRequest,
    push::MetricsPush,
    recorder::FrontRecorder,
    rejected::RejectedMetric,
};

use self::{
    buckets::Buckets, budget::Budget, info::InfoCollector, otlp::Points, process::ProcessCollector,
    registry::Registry, sink::Sink,
};
use crate::{collector::Collector, config::CardinalityLimits, resource::Resource};

/// What the metrics signal needs to know.
#[derive(Debug, Default)]
pub(crate) struct MetricsOptions {
    /// All attributes of the resource, for `target_info` and `build_info`.
    pub(crate) resource: Vec<(String, String)>,
    /// Upper bounds of histogram buckets, by metric; checked with [`validate_buckets`](crate::config::validate_buckets) before.
    pub(crate) buckets: Vec<(String, Vec<f64>)>,
    /// How many series there may be.
    pub(crate) budget: CardinalityLimits,
}

/// The metrics signal. Building it touches nothing global.
#[derive(Debug)]
pub(crate) struct Metrics {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    registry: Arc<Registry>,
    collectors: RwLock<Vec<Arc<dyn Collector>>>,
    /// Since when it counts.
    started: SystemTime,
    is_read: AtomicBool,
}

impl Metrics {
    pub(crate) fn new(options: MetricsOptions) -> Self {
        let registry = Arc::new(Registry::new(
            Buckets::new(options.buckets),
            Budget::new(options.budget),
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

    /// What the `metrics` macros record into.
    pub(crate) fn recorder(&self) -> FrontRecorder {
        FrontRecorder::new(Arc::clone(&self.shared.registry))
    }

    /// What shows it.
    pub(crate) fn handle(&self) -> MetricsHandle {
        MetricsHandle {
            shared: Arc::clone(&self.shared),
        }
    }
}

/// Shows the metrics: for a service that serves them itself, and for tests.
///
/// Clones are cheap and show the same metrics.
#[derive(Debug, Clone)]
pub struct MetricsHandle {
    shared: Arc<Shared>,
}

impl MetricsHandle {
    /// The metrics page, sorted by name and labels.
    ///
    /// Serve it with [`Format::content_type`]. It reads a few files of `/proc` on Linux and otherwise only memory; the
    /// cost is linear in the number of series.
    pub fn render(&self, format: Format) -> String {
        self.shared.is_read.store(true, Ordering::Relaxed);
        let mut page = exposition::Page::new(format);
        self.collect(&mut page);
        page.finish()
    }

    /// The same series as OTLP requests, none larger than a collector takes: almost always one.
    ///
    /// Costs about as much as [`render`](Self::render).
    pub(crate) fn to_otlp(&self, resource: &Resource, now: SystemTime) -> Vec<MetricsRequest> {
        let mut points = Points::new(self.shared.started, now);
        self.collect(&mut points);
        points.requests(&resource.to_proto())
    }

    fn collect(&self, sink: &mut dyn Sink) {
        self.shared.registry.collect(sink);
        // Copied, so that a collector may add another without a deadlock.
        let collectors = self
            .shared
            .collectors
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for collector in &collectors {
            collector.collect(sink);
        }
        self.warn_over_budget();
    }

    /// One WARN line, once, for each metric that went over its budget since the last call.
    ///
    /// Not where it happens: that is inside a recorder, inside whatever the program is doing, its own `tracing` layer and
    /// the locks of that included, and a log line from there would run that layer again. A scrape holds nothing of the
    /// program's; the end of telemetry asks too, for a program that is not scraped.
    pub(crate) fn warn_over_budget(&self) {
        for report in self.shared.registry.newly_over_budget() {
            tracing::warn!(target: "firstlight", "{report}");
        }
    }

    /// Every metric with its series, its budget and the label with the most values, the largest first.
    pub(crate) fn series(&self) -> Vec<SeriesReport> {
        self.shared.registry.series()
    }

    /// Whether a page was rendered, for a scraper or for the program.
    pub(crate) fn is_read(&self) -> bool {
        self.shared.is_read.load(Ordering::Relaxed)
    }

    /// Whether anything was recorded into the metric of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.shared.registry.has(name)
    }

    /// Metrics that the program has described and not recorded: they have not happened yet, or their handles were made
    /// before `init()` and are no-ops. Which of the two, only [`is_recorded`] can tell.
    pub(crate) fn described_and_absent(&self) -> Vec<String> {
        self.shared.registry.described_and_absent()
    }

    /// Adds something that is read at every scrape, from now on.
    pub(crate) fn add_collector(&self, collector: Arc<dyn Collector>) {
        let mut collectors = self
            .shared
            .collectors
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        collectors.push(collector);
    }

    /// The metrics that the program uses and the page cannot have, with the reason; each once.
    pub(crate) fn rejected(&self) -> Vec<RejectedMetric> {
        self.shared.registry.rejected.list()
    }
}
