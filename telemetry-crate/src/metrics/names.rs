//! Ownership of names: each name belongs to one metric of one kind.
//!
//! The first use of a name decides its kind. The names of the catalog are taken from the start. A second kind under the
//! same name would need a second `# TYPE` line, for which parsers reject the whole exposition, so the metric is rejected.
//!
//! OpenMetrics also reserves a name with `_created` for each counter and histogram, such as
//! `orders_created` for `orders_total`. Its reference parser rejects an exposition in which another
//! metric has that name.
//!
//! * A counter whose `_created` name is taken is exposed without its type, because `orders_total`
//!   beside `orders_created_total` is not a mistake.
//! * A histogram cannot be exposed without its type. If a gauge or another histogram has the
//!   histogram's `_created` name, the metric that is used second is rejected.

use std::collections::{HashMap, HashSet};

use crate::catalog::{self, Kind};

/// The name and the kind of the metric that owns a name.
pub(super) type NameOwner = (String, Kind);

/// All names that are taken, and the metrics that own them.
#[derive(Debug)]
pub(super) struct Names {
    owners: HashMap<String, NameOwner>,
}

impl Names {
    /// The names of the catalog.
    pub(super) fn new() -> Self {
        let mut names = Self {
            owners: HashMap::new(),
        };
        for metric in catalog::ALL {
            names.claim(metric.name, metric.kind);
        }
        names
    }

    /// The metric that conflicts with a metric of this name and kind.
    pub(super) fn conflict(&self, name: &str, kind: Kind) -> Option<&NameOwner> {
        let is_other = |owner: &&NameOwner| owner.0 != name || owner.1 != kind;
        names_of(name, kind)
            .find_map(|name| self.owners.get(&name).filter(is_other))
            .or_else(|| self.conflict_of_created(name, kind))
    }

    /// The metric that conflicts because of a histogram's `_created`.
    ///
    /// Either this name is the `_created` of a known histogram, or this metric is a histogram whose `_created` is taken.
    fn conflict_of_created(&self, name: &str, kind: Kind) -> Option<&NameOwner> {
        if !conflicts_without_type(kind) {
            return None;
        }
        let histogram = name.strip_suffix(CREATED);
        let histogram = histogram.and_then(|name| self.owners.get_key_value(name));
        let histogram = histogram
            .filter(|(name, owner)| owner.1 == Kind::Histogram && owner.0 == **name)
            .map(|(_, owner)| owner);
        histogram.or_else(|| {
            let owner = self.owners.get(&format!("{name}{CREATED}"));
            owner.filter(|owner| kind == Kind::Histogram && conflicts_without_type(owner.1))
        })
    }

    /// Takes all names of the metric.
    pub(super) fn claim(&mut self, name: &str, kind: Kind) {
        self.claim_for(name, kind, &(name.to_owned(), kind));
    }

    /// Takes all names of a metric for another one.
    pub(super) fn claim_for(&mut self, name: &str, kind: Kind, owner: &NameOwner) {
        for taken in names_of(name, kind) {
            self.owners.entry(taken).or_insert_with(|| owner.clone());
        }
    }
}

/// OpenMetrics' suffix for the start time of a counter or a histogram.
///
/// The exposition has no lines with this suffix, but OpenMetrics reserves it.
const CREATED: &str = "_created";

/// Whether a conflict about `_created` remains without the metric's type.
///
/// A counter without its type has only its full name, such as `orders_created_total`.
fn conflicts_without_type(kind: Kind) -> bool {
    matches!(kind, Kind::Gauge | Kind::Histogram)
}

/// The counters that OpenMetrics must expose without their type.
///
/// Their type reserves a name that another metric has.
pub(super) fn untyped<'a>(metrics: &[(&'a str, Kind)]) -> HashSet<&'a str> {
    let mut taken = HashSet::new();
    for (name, kind) in metrics {
        match kind {
            Kind::Counter => drop(taken.insert((*name).to_owned())),
            _ => taken.extend(names_of(name, *kind)),
        }
        if *kind == Kind::Histogram {
            taken.insert(format!("{name}{CREATED}"));
        }
    }
    let mut untyped = HashSet::new();
    for (name, kind) in metrics {
        if *kind == Kind::Counter {
            let family = family(name, *kind);
            let reserved = [family.to_owned(), format!("{family}{CREATED}")];
            if reserved.iter().any(|name| taken.contains(name)) {
                untyped.insert(*name);
            } else {
                taken.extend(reserved);
            }
        }
    }
    untyped
}

/// The names that a metric takes: the names of its lines and of its family.
///
/// In OpenMetrics the name of the family has no `_total` or `_info`.
fn names_of(name: &str, kind: Kind) -> impl Iterator<Item = String> {
    let (family, suffixes): (&str, &[&str]) = match kind {
        Kind::Counter => (family(name, kind), &["", "_total"]),
        Kind::Gauge => (name, &[""]),
        Kind::Histogram => (name, &["", "_bucket", "_sum", "_count"]),
        Kind::Info => (family(name, kind), &["", "_info"]),
    };
    suffixes
        .iter()
        .map(move |suffix| format!("{family}{suffix}"))
}

/// The name of the metric family in OpenMetrics.
pub(super) fn family(name: &str, kind: Kind) -> &str {
    let suffix = match kind {
        Kind::Counter => "_total",
        Kind::Info => "_info",
        Kind::Gauge | Kind::Histogram => "",
    };
    name.strip_suffix(suffix).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::{Kind, Names, untyped};
    use crate::catalog;

    #[test]
    fn catalog_names_do_not_conflict() {
        let names = Names::new();
        for metric in catalog::ALL {
            assert_eq!(
                names.conflict(metric.name, metric.kind),
                None,
                "{}",
                metric.name
            );
        }
    }

    #[test]
    fn counters_lose_their_type_to_created() {
        let counter = ("orders_total", Kind::Counter);
        for (other, expected) in [
            (("orders_created", Kind::Gauge), "orders_total"),
            (("orders_created_total", Kind::Counter), "orders_total"),
            (("orders_created", Kind::Histogram), "orders_total"),
            (("orders_placed", Kind::Gauge), ""),
        ] {
            let mut names = Names::new();
            names.claim(counter.0, counter.1);
            assert_eq!(names.conflict(other.0, other.1), None, "{other:?}");
            // Sorted as in the exposition.
            let mut metrics = [counter, other];
            metrics.sort_by_key(|metric| metric.0);
            let untyped = untyped(&metrics);
            let expected = (!expected.is_empty()).then_some(expected);
            assert_eq!(untyped.into_iter().next(), expected, "{other:?}");
        }
    }

    #[test]
    fn metrics_reserve_their_suffixes() {
        let mut names = Names::new();
        names.claim("lat", Kind::Histogram);
        for (name, kind) in [
            ("lat", Kind::Gauge),
            ("lat_count", Kind::Gauge),
            ("lat_sum", Kind::Gauge),
            ("lat_bucket", Kind::Histogram),
            ("lat_total", Kind::Counter),
            ("logging_events", Kind::Gauge),
            ("process_threads", Kind::Histogram),
        ] {
            assert!(names.conflict(name, kind).is_some(), "{name}");
        }
        assert!(names.conflict("lat_created", Kind::Gauge).is_some());
        assert!(names.conflict("lat_created", Kind::Histogram).is_some());
        assert_eq!(names.conflict("lat_created_total", Kind::Counter), None);
        assert_eq!(names.conflict("lat", Kind::Histogram), None);
        assert_eq!(names.conflict("lat_max", Kind::Gauge), None);
    }
}
