//! All recorded metrics of a process, and the way from a key to its series.
//!
//! The fast path for known keys is [`Cache`]. Values that are read only at a scrape come from
//! [collectors](crate::collector).

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use ::metrics::{Key, Unit};

#[cfg(feature = "console")]
use super::handle::Series;
use super::{
    aliases::Aliases,
    buckets::Buckets,
    cache::Cache,
    canonical::{self, Labels},
    cardinality::CardinalityLimiter,
    catalog::{self, Kind},
    declarations::{Declarations, initial_series},
    families::{self, Families},
    family::Family,
    handle::Handle,
    rejected::RejectedMetrics,
    series_report::SeriesReport,
    sink::{Descriptor, Sink},
    unit,
};

/// All metrics that the program and this crate record.
pub(super) struct Registry {
    pub(super) cache: Cache,
    pub(super) rejected: RejectedMetrics,
    pub(super) aliases: Aliases,
    declared: Declarations,
    buckets: Buckets,
    limiter: CardinalityLimiter,
    families: RwLock<Families>,
    /// The descriptions from the program's `describe_*` macros, by canonical name.
    described: RwLock<HashMap<String, Description>>,
}

/// The arguments of a `describe_*` macro.
#[derive(Debug, Clone, Default)]
struct Description {
    help: String,
    unit: Option<&'static str>,
}

impl Registry {
    /// A registry with the series that exist from the start.
    pub(super) fn new(
        buckets: Buckets,
        limiter: CardinalityLimiter,
        aliases: Aliases,
        declared: Declarations,
    ) -> Self {
        let registry = Self {
            cache: Cache::new(),
            rejected: RejectedMetrics::default(),
            buckets,
            limiter,
            families: RwLock::new(Families::new(&aliases)),
            aliases,
            described: RwLock::default(),
            declared,
        };
        for metric in registry.declared.iter() {
            for key in initial_series(metric) {
                registry.resolve(metric.kind, &key);
            }
        }
        registry
    }

    /// The handle of a key that is not in the cache.
    ///
    /// Returns `None` if the metric is rejected.
    pub(super) fn resolve(&self, kind: Kind, key: &Key) -> Option<Handle> {
        let family = self.family(kind, key.name())?;
        let raw = || key.labels().map(|label| (label.key(), label.value()));
        let (series, is_regular) = family.series(&Labels::new(kind, raw()), &self.limiter);
        // The cache keeps no long keys, and a bounded number of spellings for each metric. Keys of
        // the overflow series are not cached, because their number has no bound.
        if is_regular && canonical::fits(key.name(), raw()) && family.reserve_spelling() {
            self.cache.insert(key, series.clone());
        }
        Some(series.into())
    }

    fn family(&self, kind: Kind, raw: &str) -> Option<Arc<Family>> {
        let name = canonical::metric_name(kind, raw);
        let existing = self
            .families
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(kind, &name);
        if existing.is_some() {
            return existing;
        }
        let bounds = (kind == Kind::Histogram).then(|| self.buckets.bounds(&name));
        let mut families = self
            .families
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let inserted = families.get_or_insert(kind, &name, bounds, &self.limiter);
        drop(families);
        inserted
            .map_err(|owner| self.rejected.add(name, kind, owner))
            .ok()
    }

    /// Stores the program's description of a metric.
    ///
    /// The first description wins, as in `metrics-exporter-prometheus`.
    pub(super) fn describe(&self, kind: Kind, raw: &str, unit: Option<Unit>, help: &str) {
        let name = canonical::metric_name(kind, raw);
        let mut described = self
            .described
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if (unit.is_some() || !help.is_empty()) && described.len() < families::MAX_METRICS {
            described.entry(name).or_insert_with(|| Description {
                help: help.to_owned(),
                unit: unit.map(unit::ucum),
            });
        }
    }

    /// The series of a metric, with their labels.
    #[cfg(feature = "console")]
    pub(super) fn series_of(&self, metric: &catalog::Metric) -> Vec<(Arc<str>, Series)> {
        let families = self.families.read().unwrap_or_else(PoisonError::into_inner);
        let family = families.get(metric.kind, metric.name);
        drop(families);
        family.map_or_else(Vec::new, |family| family.all_series())
    }

    fn all_families(&self) -> Vec<Arc<Family>> {
        let families = self.families.read().unwrap_or_else(PoisonError::into_inner);
        families.list()
    }

    /// Whether there is a metric of this name.
    pub(super) fn has_metric(&self, name: &str) -> bool {
        let families = self.families.read().unwrap_or_else(PoisonError::into_inner);
        families.contains(name)
    }

    /// Reports on all metrics, the one with the most series first.
    pub(super) fn series(&self) -> Vec<SeriesReport> {
        let mut reports: Vec<_> = self
            .all_families()
            .iter()
            .map(|it| self.report(it))
            .collect();
        reports.sort_by(|a, b| (b.series, &a.metric).cmp(&(a.series, &b.metric)));
        reports
    }

    /// Reports on the metrics that have exceeded their limit since the last call.
    pub(super) fn newly_overflowed(&self) -> Vec<SeriesReport> {
        let is_new = |family: &&Arc<Family>| {
            family.overflow_uses.load(Ordering::Relaxed) > 0
                && !family.is_reported.swap(true, Ordering::Relaxed)
        };
        self.all_families()
            .iter()
            .filter(is_new)
            .map(|family| self.report(family))
            .collect()
    }

    fn report(&self, family: &Family) -> SeriesReport {
        SeriesReport::new(family, &self.limiter, self.declared.find(&family.name))
    }

    /// Metrics that the program never used, sorted by name.
    ///
    /// Those that it has declared, described or given an alias, without the rejected ones.
    pub(super) fn described_and_absent(&self) -> Vec<String> {
        let mut described: Vec<_> = {
            let described = self
                .described
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            described.keys().cloned().collect()
        };
        let declared = self.declared.iter();
        described.extend(declared.map(|metric| metric.name.to_owned()));
        described.sort();
        described.dedup();
        let families = self.families.read().unwrap_or_else(PoisonError::into_inner);
        let rejected = self.rejected.list();
        let is_absent = |name: &String| {
            !families.contains(name)
                && catalog::find(name).is_none()
                && !rejected.iter().any(|metric| metric.name() == name)
        };
        let mut absent: Vec<_> = described.into_iter().filter(is_absent).collect();
        let is_known = |name: &str| families.contains(name) || catalog::find(name).is_some();
        absent.extend(self.aliases.without_metric(is_known));
        absent.sort();
        absent
    }

    /// Metrics that are recorded without a declaration, if there are declarations.
    pub(super) fn undeclared(&self) -> Vec<String> {
        if self.declared.is_empty() {
            return Vec::new();
        }
        let is_known =
            |name: &str| self.declared.find(name).is_some() || catalog::find(name).is_some();
        let families = self.all_families();
        let names = families.iter().map(|family| &family.name);
        names.filter(|name| !is_known(name)).cloned().collect()
    }

    fn descriptor<'a>(&self, family: &'a Family) -> Descriptor<'a> {
        if let Some(metric) = catalog::find(&family.name) {
            return metric.into();
        }
        if let Some(metric) = self.declared.find(&family.name) {
            return Descriptor {
                name: &family.name,
                kind: family.kind,
                help: metric.help.into(),
                unit: unit::of(metric).into(),
            };
        }
        let described = self
            .described
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let Description { help, unit } = described.get(&family.name).cloned().unwrap_or_default();
        drop(described);
        Descriptor {
            name: &family.name,
            kind: family.kind,
            help: help.into(),
            unit: unit.unwrap_or_else(|| unit::from_name(&family.name)).into(),
        }
    }
}

impl fmt::Debug for Registry {
    /// Omits the series, because there may be thousands.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

impl Registry {
    /// Adds all series, and the counts of overflows, drops and rejections.
    pub(super) fn collect(&self, sink: &mut dyn Sink) {
        for family in &self.all_families() {
            sink.family(self.descriptor(family), &family.all_series());
            let self_metrics = [
                (
                    &catalog::METRICS_CARDINALITY_OVERFLOW,
                    &family.overflow_uses,
                ),
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

/// A count as the value of a sample, exact up to 2^53.
fn number(count: &AtomicU64) -> f64 {
    count.load(Ordering::Relaxed) as f64
}
