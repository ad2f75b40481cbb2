//! Metrics that the program uses and the page cannot have: counted, and each named once.
//!
//! A metric that is silently missing is found during the incident that it was made for. What it leaves out: a log line,
//! because this code runs inside whatever the program is doing, its logging included.

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{catalog::Kind, names::Owner};

/// Most rejected that are remembered by name. They come from code, so a program with more of them has a mistake that the
/// first few show.
const REMEMBERED: usize = 64;

/// A metric that the program uses and the page cannot have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RejectedMetric {
    name: String,
    kind: Kind,
    /// What stands in its way; `None` if there is no room for another name.
    owner: Option<Owner>,
}

impl RejectedMetric {
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for RejectedMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind, owner } = self;
        write!(f, "{} {name} is not recorded: ", kind.word())?;
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

/// What was refused.
#[derive(Debug, Default)]
pub(super) struct RejectedMetrics {
    pub(super) kind_conflicts: AtomicU64,
    pub(super) too_many_names: AtomicU64,
    remembered: Mutex<Vec<RejectedMetric>>,
}

impl RejectedMetrics {
    /// Counts one use of a refused metric.
    pub(super) fn add(&self, name: String, kind: Kind, owner: Option<Owner>) {
        let counter = if owner.is_some() {
            &self.kind_conflicts
        } else {
            &self.too_many_names
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let rejected_metric = RejectedMetric { name, kind, owner };
        let mut remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if remembered.len() < REMEMBERED && !remembered.contains(&rejected_metric) {
            remembered.push(rejected_metric);
        }
    }

    /// Each refused metric once, in the order of their first use, up to a limit.
    pub(super) fn list(&self) -> Vec<RejectedMetric> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, RejectedMetrics};

    #[test]
    fn refusals_say_what_to_do_once_each() {
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
