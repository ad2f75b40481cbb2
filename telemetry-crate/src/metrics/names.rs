//! Who owns which name on the page: one name has one kind, and no metric's lines look like another's.
//!
//! The first use of a name decides its kind, and the catalogue comes before all uses. A second kind under the same name would be a
//! second `# TYPE` line, for which parsers reject the whole page, so it is refused. What it leaves out: guessing which of the two was meant.
//!
//! OpenMetrics keeps one more name for a counter and for a histogram, `_created`, and its reference parser rejects a page that has it
//! otherwise. A counter in the way is shown without its type, since `orders_total` beside `orders_created_total` is no mistake. A
//! histogram's lines have no such place: of a histogram and a gauge or another histogram of that name, the second is refused.

use std::collections::{HashMap, HashSet};

use crate::catalog::{self, Kind};

/// A name on the page and its kind.
pub(super) type Owner = (String, Kind);

/// Every name on the page, and every name that its lines take.
#[derive(Debug)]
pub(super) struct Names {
    owners: HashMap<String, Owner>,
}

impl Names {
    /// The catalogue's names are taken from the start.
    pub(super) fn new() -> Self {
        let mut names = Self {
            owners: HashMap::new(),
        };
        for metric in catalog::ALL {
            names.claim(metric.name, metric.kind);
        }
        names
    }

    /// The metric that stands in the way of a metric of this name and kind.
    pub(super) fn conflict(&self, name: &str, kind: Kind) -> Option<&Owner> {
        let other = |owner: &&Owner| owner.0 != name || owner.1 != kind;
        taken_by(name, kind)
            .find_map(|name| self.owners.get(&name).filter(other))
            .or_else(|| self.conflict_of_created(name, kind))
    }

    /// The metric that stands in the way of a histogram's `_created`, or the histogram whose `_created` this name is.
    fn conflict_of_created(&self, name: &str, kind: Kind) -> Option<&Owner> {
        if !has_one_place(kind) {
            return None;
        }
        let histogram = name.strip_suffix(CREATED);
        let histogram = histogram.and_then(|name| self.owners.get_key_value(name));
        let histogram = histogram
            .filter(|(name, owner)| owner.1 == Kind::Histogram && owner.0 == **name)
            .map(|(_, owner)| owner);
        histogram.or_else(|| {
            let owner = self.owners.get(&format!("{name}{CREATED}"));
            owner.filter(|owner| kind == Kind::Histogram && has_one_place(owner.1))
        })
    }

    /// Takes all names of the metric.
    pub(super) fn claim(&mut self, name: &str, kind: Kind) {
        for taken in taken_by(name, kind) {
            self.owners
                .entry(taken)
                .or_insert_with(|| (name.to_owned(), kind));
        }
    }
}

/// What OpenMetrics calls the time at which a counter or a histogram began. Not written, and reserved all the same.
const CREATED: &str = "_created";

/// Whether a metric of this kind can be shown under its type only.
fn has_one_place(kind: Kind) -> bool {
    matches!(kind, Kind::Gauge | Kind::Histogram)
}

/// The counters that an OpenMetrics page has to show without their type, because names that the type reserves are taken.
pub(super) fn untyped<'a>(metrics: &[(&'a str, Kind)]) -> HashSet<&'a str> {
    let mut taken = HashSet::new();
    for (name, kind) in metrics {
        match kind {
            Kind::Counter => drop(taken.insert((*name).to_owned())),
            _ => taken.extend(taken_by(name, *kind)),
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

/// The names that a metric takes: those of its lines, and that of its family, which in OpenMetrics is the name without
/// `_total` or `_info`.
fn taken_by(name: &str, kind: Kind) -> impl Iterator<Item = String> {
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
    fn the_catalogue_does_not_contradict_itself() {
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
    fn a_counter_gives_way_to_created() {
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
            // In the order of the page.
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
