//! Metrics that the recorder rejects: counted, and each listed once.
//!
//! Without the list, a missing metric would be noticed only in an incident that needs the metric.
//! Nothing is logged here, because this code runs inside arbitrary code of the program, which
//! includes its logging.

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{catalog::Kind, names::NameOwner};

/// Maximum number of rejected metrics that are listed by name.
///
/// Names come from code, so the first few show the mistake.
const MAX_LISTED: usize = 64;

/// A metric that the program uses and the recorder has rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RejectedMetric {
    name: String,
    kind: Kind,
    /// The metric that owns the name; `None` if there are too many metrics.
    owner: Option<NameOwner>,
}

impl RejectedMetric {
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for RejectedMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind, owner } = self;
        write!(f, "{} {name} is not recorded: ", kind.type_name())?;
        match owner {
            Some((owner, kind)) => {
                write!(
                    f,
                    "{owner} is {} already and takes this name; rename one",
                    kind.with_article()
                )
            }
            None => write!(
                f,
                "too many metrics; put what varies into a label, not into the name"
            ),
        }
    }
}

/// The rejected metrics, and the number of their uses by reason.
#[derive(Debug, Default)]
pub(super) struct RejectedMetrics {
    pub(super) kind_conflicts: AtomicU64,
    pub(super) too_many_names: AtomicU64,
    listed: Mutex<Vec<RejectedMetric>>,
}

impl RejectedMetrics {
    /// Counts one use of a rejected metric.
    pub(super) fn add(&self, name: String, kind: Kind, owner: Option<NameOwner>) {
        let counter = if owner.is_some() {
            &self.kind_conflicts
        } else {
            &self.too_many_names
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let rejected_metric = RejectedMetric { name, kind, owner };
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        if listed.len() < MAX_LISTED && !listed.contains(&rejected_metric) {
            listed.push(rejected_metric);
        }
    }

    /// Up to 64 rejected metrics, each once, in the order of their first use.
    pub(super) fn list(&self) -> Vec<RejectedMetric> {
        self.listed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, RejectedMetrics};

    #[test]
    fn rejections_are_listed_once_with_advice() {
        let rejected = RejectedMetrics::default();
        for _ in 0..3 {
            rejected.add(
                "x".into(),
                Kind::Gauge,
                Some(("x_total".into(), Kind::Counter)),
            );
        }
        rejected.add("y".into(), Kind::Gauge, None);
        let info = ("target_info".into(), Kind::Info);
        rejected.add("target_info".into(), Kind::Gauge, Some(info));
        let list: Vec<_> = rejected.list().iter().map(ToString::to_string).collect();
        assert_eq!(
            list,
            [
                "gauge x is not recorded: x_total is a counter already and takes this name; rename one",
                "gauge y is not recorded: too many metrics; put what varies into a label, not into the name",
                "gauge target_info is not recorded: target_info is an info metric already and takes this name; rename one",
            ]
        );
        for index in 0..1_000 {
            rejected.add(format!("n{index}"), Kind::Gauge, None);
        }
        assert_eq!(rejected.list().len(), 64);
    }
}
