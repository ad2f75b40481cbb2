//! Every metric of the process, and the path from a key to its series.
//!
//! Counters and gauges live in the exporter underneath, which also writes them as text; histograms are our own, because
//! the exporter's keep every sample and know no exemplars. What it leaves out: the fast path, which is the cache's, and
//! everything that is read only when the page is asked for, which collectors add.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use ::metrics::{Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};

use super::{
    buckets::Buckets,
    cache::{Cache, Handle},
    canonical::{self, Labels},
    catalog::{self, Kind},
    collector::Collector,
    exposition::Page,
    families::{self, Families},
    family::Family,
    histogram::Histogram,
    refusals::Refusals,
};

/// The exporter's interface wants it and does not look at it.
const METADATA: Metadata<'_> = Metadata::new("firstlight", Level::INFO, None);

/// How much of the page one metric takes.
#[derive(Debug)]
pub(crate) struct Usage {
    pub(crate) name: String,
    pub(crate) series: u64,
    /// Uses of a series beyond the budget.
    pub(crate) over_budget: u64,
    /// Whether it is the program's own, and not one of ours.
    pub(crate) is_programs: bool,
}

/// See the module.
pub(super) struct Registry {
    pub(super) cache: Cache,
    pub(super) refusals: Refusals,
    exporter: PrometheusRecorder,
    buckets: Buckets,
    families: RwLock<Families>,
    /// Help texts that the program gave, by name on the page.
    help: RwLock<HashMap<String, String>>,
}

impl Registry {
    pub(super) fn new(buckets: Buckets) -> Self {
        Self {
            cache: Cache::new(),
            refusals: Refusals::default(),
            exporter: PrometheusBuilder::new().build_recorder(),
            buckets,
            families: RwLock::new(Families::new()),
            help: RwLock::default(),
        }
    }

    /// The handle of a key that the cache does not have, or `None` if the metric is refused.
    pub(super) fn resolve(&self, kind: Kind, key: &Key) -> Option<Handle> {
        let family = self.family(kind, key.name())?;
        let raw = || key.labels().map(|label| (label.key(), label.value()));
        let (handle, own) = family.handle(&Labels::new(kind, raw()), |family, labels| {
            self.series(family, labels)
        });
        // What went to the rest is not remembered: there is no end to such keys.
        if own && canonical::fits(key.name(), raw()) && family.may_remember() {
            self.cache.insert(key, handle.clone());
        }
        Some(handle)
    }

    fn family(&self, kind: Kind, raw: &str) -> Option<Arc<Family>> {
        let name = canonical::metric_name(kind, raw);
        let known = self
            .families
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(kind, &name);
        if known.is_some() {
            return known;
        }
        let bounds = (kind == Kind::Histogram).then(|| self.buckets.of(&name));
        let mut families = self
            .families
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let made = families.get_or_make(kind, &name, bounds);
        drop(families);
        made.map_err(|owner| self.refusals.add(name, kind, owner))
            .ok()
    }

    fn series(&self, family: &Family, labels: &Labels) -> Handle {
        if let Some(bounds) = &family.bounds {
            let dropped = Arc::clone(&family.dropped);
            return Handle::Histogram(Arc::new(Histogram::new(Arc::clone(bounds), dropped)));
        }
        // The exporter takes a backslash for the start of an escape and drops it before a quote. Two of them always come
        // out as an escaped one, and quotes and line feeds it escapes by itself.
        let escape = |(name, value): &(String, String)| {
            Label::new(name.clone(), value.replace('\\', "\\\\"))
        };
        let labels: Vec<_> = labels.pairs().iter().map(escape).collect();
        let key = Key::from_parts(family.name.clone(), labels);
        match family.kind {
            Kind::Counter => Handle::Counter(self.exporter.register_counter(&key, &METADATA)),
            _ => Handle::Gauge(self.exporter.register_gauge(&key, &METADATA)),
        }
    }

    pub(super) fn usage(&self) -> Vec<Usage> {
        let families = {
            let families = self.families.read().unwrap_or_else(PoisonError::into_inner);
            families.all()
        };
        families
            .iter()
            .map(|family| Usage {
                name: family.name.clone(),
                series: family.series_count() as u64,
                over_budget: family.over_budget.load(Ordering::Relaxed),
                is_programs: catalog::find(&family.name).is_none(),
            })
            .collect()
    }

    /// Remembers what the program says about a metric of its own. The first text counts, as with the exporter.
    pub(super) fn describe(&self, kind: Kind, raw: &str, text: &str) {
        let name = canonical::metric_name(kind, raw);
        let mut help = self.help.write().unwrap_or_else(PoisonError::into_inner);
        if !text.is_empty() && help.len() < families::METRICS {
            help.entry(name).or_insert_with(|| text.to_owned());
        }
    }

    fn help(&self, name: &str) -> String {
        if let Some(metric) = catalog::find(name) {
            return metric.help.to_owned();
        }
        let help = self.help.read().unwrap_or_else(PoisonError::into_inner);
        help.get(name).cloned().unwrap_or_default()
    }
}

impl fmt::Debug for Registry {
    /// Without the series, which are thousands.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

impl Collector for Registry {
    fn collect(&self, page: &mut Page) {
        let families = {
            let families = self.families.read().unwrap_or_else(PoisonError::into_inner);
            families.all()
        };
        for family in &families {
            page.describe(&family.name, family.kind, || self.help(&family.name));
            for (labels, histogram) in family.histograms() {
                page.histogram(&family.name, labels, &histogram);
            }
            let self_metrics = [
                (&catalog::METRICS_SERIES_OVER_BUDGET, &family.over_budget),
                (&catalog::METRICS_SAMPLES_DROPPED, &*family.dropped),
            ];
            for (metric, count) in self_metrics {
                if count.load(Ordering::Relaxed) > 0 {
                    page.sample(metric, &[("metric", &family.name)], number(count));
                }
            }
        }
        page.counters_and_gauges(&self.exporter.handle().render());
        let reasons = [
            ("kind_conflict", &self.refusals.kind_conflicts),
            ("too_many_names", &self.refusals.too_many_names),
        ];
        for (reason, count) in reasons {
            page.sample(
                &catalog::METRICS_REJECTED,
                &[("reason", reason)],
                number(count),
            );
        }
    }
}

/// A count as a sample; exact up to 2^53.
fn number(count: &AtomicU64) -> f64 {
    count.load(Ordering::Relaxed) as f64
}
