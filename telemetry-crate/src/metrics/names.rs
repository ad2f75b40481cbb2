//! Who owns which name on the page: one name has one kind, and no metric's lines look like another's.
//!
//! The first use of a name decides its kind, and the catalogue was there before everybody. A second kind under the same
//! name would be a second `# TYPE` line, for which parsers reject the whole page, so it is refused. What it leaves out: guessing which of the two was meant.

use std::collections::HashMap;

use super::catalog::{self, Kind};

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
        taken_by(name, kind).find_map(|name| self.owners.get(&name).filter(other))
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
    use super::{Kind, Names};
    use crate::metrics::catalog;

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
    fn a_metric_takes_the_names_of_all_its_lines() {
        let mut names = Names::new();
        names.claim("lat", Kind::Histogram);
        for (name, kind) in [
            ("lat", Kind::Gauge),
            ("lat_count", Kind::Gauge),
            ("lat_sum", Kind::Gauge),
            ("lat_bucket", Kind::Histogram),
            ("lat_total", Kind::Counter),
            ("log_events", Kind::Gauge),
            ("process_threads", Kind::Histogram),
        ] {
            assert!(names.conflict(name, kind).is_some(), "{name}");
        }
        assert_eq!(names.conflict("lat", Kind::Histogram), None);
        assert_eq!(names.conflict("lat_max", Kind::Gauge), None);
    }
}
