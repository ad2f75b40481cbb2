//! Metrics: is the system healthy right now?
//!
//! A program uses the macros of the `metrics` crate; this module is what they record into, and what `GET /metrics` shows.
//!
//! ```text
//! counter!(…)  ─▶ recorder ─▶ cache ─hit──────────────────────▶ handle
//!                               └─miss▶ registry ─▶ family ─▶ exporter (counters, gauges) │ histogram (ours, with exemplars)
//! GET /metrics ─▶ MetricsHandle::render ─▶ page ◀─ registry, collectors (process, resource, exporters of other signals)
//! ```
//!
//! It adds to `metrics-exporter-prometheus` what a service in production needs: names and labels that cannot break the
//! page, a budget per metric, histograms in fixed memory, exemplars, and OpenMetrics. What it leaves out: summaries, which
//! cannot be aggregated over replicas; removing idle series, which looks like a restart; and pushing.

mod buckets;
mod cache;
mod canonical;
pub mod catalog;
mod collector;
mod exemplar;
mod exposition;
mod families;
mod family;
mod format;
mod histogram;
mod info;
mod names;
mod process;
mod recorder;
mod refusals;
mod registry;
#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock};

pub use format::Format;
pub(crate) use {
    collector::Collector, exposition::Page, recorder::FrontRecorder, refusals::Refusal,
    registry::Usage,
};

use self::{buckets::Buckets, info::InfoCollector, process::ProcessCollector, registry::Registry};

/// What the metrics pillar needs to know.
#[derive(Debug, Default)]
pub(crate) struct MetricsOptions {
    /// All attributes of the resource, for `target_info` and `build_info`.
    pub(crate) resource: Vec<(String, String)>,
    /// Upper bounds of histogram buckets, by metric; checked with [`validate_buckets`] before.
    pub(crate) buckets: Vec<(String, Vec<f64>)>,
}

/// Checks the buckets that somebody configured for the histogram `name`.
///
/// # Errors
///
/// A sentence that says what was found, what is expected and what to do: there must be 1 to 200 bounds, finite and rising.
pub(crate) fn validate_buckets(name: &str, bounds: &[f64]) -> Result<(), String> {
    buckets::validate(name, bounds)
}

/// The metrics pillar. Building it touches nothing global.
#[derive(Debug)]
pub(crate) struct Metrics {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    registry: Arc<Registry>,
    collectors: RwLock<Vec<Arc<dyn Collector>>>,
}

impl Metrics {
    pub(crate) fn new(options: MetricsOptions) -> Self {
        let registry = Arc::new(Registry::new(Buckets::new(options.buckets)));
        let collectors: Vec<Arc<dyn Collector>> = vec![
            Arc::clone(&registry) as _,
            Arc::new(InfoCollector::new(options.resource)),
            Arc::new(ProcessCollector::new()),
        ];
        Self {
            shared: Arc::new(Shared {
                registry,
                collectors: RwLock::new(collectors),
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
        // Copied, so that a collector may add another without a deadlock.
        let collectors = self
            .shared
            .collectors
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut page = Page::new(format);
        for collector in &collectors {
            collector.collect(&mut page);
        }
        page.finish()
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
    pub(crate) fn refusals(&self) -> Vec<Refusal> {
        self.shared.registry.refusals.list()
    }

    /// How many series each metric has that was recorded, by name.
    pub(crate) fn usage(&self) -> Vec<Usage> {
        self.shared.registry.usage()
    }
}
