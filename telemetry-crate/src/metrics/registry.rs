//! Every metric of the process, and the path from a key to its series.
//!
//! What it leaves out: the fast path, which is the cache's, and everything that is read only on a scrape,
//! which collectors add.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use ::metrics::{Key, Unit};

use super::{
    buckets::Buckets,
    budget::Budget,
    cache::Cache,
    canonical::{self, Labels},
    catalog::{self, Kind},
    culprit::SeriesReport,
    families::{self, Families},
    family::Family,
    handle::Handle,
    rejected::RejectedMetrics,
    sink::{About, Sink},
    unit,
};
pub(super) struct Registry {
    pub(super) cache: Cache,
    pub(super) rejected: RejectedMetrics,
    buckets: Buckets,
    budget: Budget,
    families: RwLock<Families>,
    /// What the program said about its metrics, by name on the page.
    described: RwLock<HashMap<String, Description>>,
}

/// What the program says about one metric.
#[derive(Debug, Clone, Default)]
struct Description {
    help: String,
    unit: Option<Unit>,
}

impl Registry {
    pub(super) fn new(buckets: Buckets, budget: Budget) -> Self {
        Self {
            cache: Cache::new(),
            rejected: RejectedMetrics::default(),
            buckets,
            budget,
            families: RwLock::new(Families::new()),
            described: RwLock::default(),
        }
    }

    /// The handle of a key that the cache does not have, or `None` if the metric is refused.
    pub(super) fn resolve(&self, kind: Kind, key: &Key) -> Option<Handle> {
        let family = self.family(kind, key.name())?;
        let raw = || key.labels().map(|label| (label.key(), label.value()));
        let (series, own) = family.series(&Labels::new(kind, raw()), &self.budget);
        // What went to the rest is not remembered: there is no end to such keys.
        if own && canonical::fits(key.name(), raw()) && family.may_remember() {
            self.cache.insert(key, series.clone());
        }
        Some(series.into())
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
        let made = families.get_or_make(kind, &name, bounds, &self.budget);
        drop(families);
        made.map_err(|owner| self.rejected.add(name, kind, owner))
            .ok()
    }

    /// Remembers what the program says about a metric of its own. The first description counts, as with the exporter.
    pub(super) fn describe(&self, kind: Kind, raw: &str, unit: Option<Unit>, help: &str) {
        let name = canonical::metric_name(kind, raw);
        let mut described = self
            .described
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if (unit.is_some() || !help.is_empty()) && described.len() < families::METRICS {
            described.entry(name).or_insert_with(|| Description {
                help: help.to_owned(),
                unit,
            });
        }
    }

    fn all(&self) -> Vec<Arc<Family>> {
        let families = self.families.read().unwrap_or_else(PoisonError::into_inner);
        families.all()
    }

    /// Whether there is a metric of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        let families = self.families.read().unwrap_or_else(PoisonError::into_inner);
        families.has(name)
    }

    /// Every metric that the program or this crate recorded, the one with the most series first.
    pub(super) fn series(&self) -> Vec<SeriesReport> {
        let of = |family: &Arc<Family>| SeriesReport::of(family, &self.budget);
        let mut reports: Vec<_> = self.all().iter().map(of).collect();
        reports.sort_by(|a, b| (b.series, &a.metric).cmp(&(a.series, &b.metric)));
        reports
    }

    /// The metrics that are over their budget and were not in an answer of this function before.
    pub(super) fn newly_over_budget(&self) -> Vec<SeriesReport> {
        let is_new = |family: &&Arc<Family>| {
            family.over_budget.load(Ordering::Relaxed) > 0
                && !family.is_reported.swap(true, Ordering::Relaxed)
        };
        let of = |family: &Arc<Family>| SeriesReport::of(family, &self.budget);
        self.all().iter().filter(is_new).map(of).collect()
    }

    /// Metrics that the program has described and not recorded, by name, without those that were refused.
    pub(super) fn described_and_absent(&self) -> Vec<String> {
        let described: Vec<_> = {
            let described = self
                .described
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            described.keys().cloned().collect()
        };
        let families = self.families.read().unwrap_or_else(PoisonError::into_inner);
        let refused = self.rejected.list();
        let is_absent = |name: &String| {
            !families.has(name)
                && catalog::find(name).is_none()
                && !refused.iter().any(|metric| metric.name() == name)
        };
        let mut absent: Vec<_> = described.into_iter().filter(is_absent).collect();
        absent.sort();
        absent
    }

    fn about<'a>(&self, family: &'a Family) -> About<'a> {
        if let Some(metric) = catalog::find(&family.name) {
            return metric.into();
        }
        let described = self
            .described
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let Description { help, unit } = described.get(&family.name).cloned().unwrap_or_default();
        drop(described);
        About {
            name: &family.name,
            kind: family.kind,
            help: help.into(),
            unit: unit
                .map_or_else(|| unit::of_name(&family.name), unit::ucum)
                .into(),
        }
    }
}

impl fmt::Debug for Registry {
    /// Without the series, which are thousands.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

impl Registry {
    /// Adds all series, and what became of those that are none.
    pub(super) fn collect(&self, sink: &mut dyn Sink) {
        for family in &self.all() {
            sink.family(self.about(family), &family.all());
            let self_metrics = [
                (&catalog::METRICS_SERIES_OVER_BUDGET, &family.over_budget),
                (&catalog::METRICS_SAMPLES_DROPPED, &*family.dropped),
            ];
            for (metric, count) in self_metrics {
                if count.load(Ordering::Relaxed) > 0 {
                    sink.sample(metric, &[("metric", &family.name)], number(count));
                }
            }
        }
        let reasons = [
            ("kind_conflict", &self.rejected.kind_conflicts),
            ("too_many_names", &self.rejected.too_many_names),
        ];
        for (reason, count) in reasons {
            sink.sample(
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
