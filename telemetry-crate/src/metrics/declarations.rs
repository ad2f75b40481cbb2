//! The program's declarations of its metrics, checked.
//!
//! [`rules`] checks each declaration by itself. Here are the checks of all together: no name is declared twice, or
//! belongs to another metric.

mod rules;
#[cfg(test)]
mod tests;

use ::metrics::{Key, Label};

use super::{
    aliases::Aliases,
    buckets::Buckets,
    catalog::{self, Kind},
    names::Names,
};
use crate::{
    InitError,
    declared::{Bound, DeclaredMetric},
};

/// Maximum number of series of one metric that exist before they are used.
///
/// More would be a large part of each scrape, and most of them would stay 0.
const MAX_INITIAL: usize = 100;

/// The declarations, which can work.
#[derive(Debug, Clone, Default)]
pub(crate) struct Declarations {
    all: Vec<DeclaredMetric>,
}

impl Declarations {
    /// Checks the declarations of a program with these settings.
    ///
    /// # Errors
    ///
    /// The first declaration that cannot work.
    pub(crate) fn new(
        declared: Vec<DeclaredMetric>,
        buckets: &[(String, Vec<f64>)],
        aliases: &Aliases,
    ) -> Result<Self, InitError> {
        if declared.is_empty() {
            return Ok(Self::default());
        }
        let buckets = Buckets::new(buckets.to_vec());
        let mut names = Names::new();
        aliases.claim(&mut names);
        for (at, metric) in declared.iter().enumerate() {
            rules::check(metric, &buckets)
                .and_then(|()| free(metric, &declared[..at], &mut names))
                .map_err(|reason| InitError::InvalidMetric {
                    metric: metric.name.to_owned(),
                    reason,
                })?;
        }
        Ok(Self { all: declared })
    }

    pub(super) fn find(&self, name: &str) -> Option<&DeclaredMetric> {
        self.all.iter().find(|metric| metric.name == name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &DeclaredMetric> {
        self.all.iter()
    }
}

/// Takes the names of a metric.
///
/// # Errors
///
/// A sentence that names the metric to which one of the names belongs.
fn free(
    metric: &DeclaredMetric,
    before: &[DeclaredMetric],
    names: &mut Names,
) -> Result<(), String> {
    let DeclaredMetric { name, kind, .. } = *metric;
    if before.iter().any(|other| other.name == name) {
        return Err(
            "found two declarations, expected one; remove one, or rename one of the metrics".into(),
        );
    }
    if catalog::find(name).is_some() {
        return Err("found the name of a metric of firstlight; choose another".into());
    }
    if let Some((owner, kind)) = names.conflict(name, kind) {
        return Err(format!(
            "{owner} is {} already and takes this name; rename one",
            kind.with_article()
        ));
    }
    names.claim(name, kind);
    Ok(())
}

/// The keys of the series of a metric that exist before they are used.
///
/// A counter that appears with its first event has no increase in Prometheus, and a histogram likewise. The first value
/// of a gauge is not known.
pub(super) fn initial_series(metric: &DeclaredMetric) -> Vec<Key> {
    if metric.kind == Kind::Gauge || metric.max_series().is_none_or(|max| max > MAX_INITIAL) {
        return Vec::new();
    }
    let mut all: Vec<Vec<Label>> = vec![Vec::new()];
    for label in metric.labels {
        let Bound::OneOf(values) = label.bound else {
            return Vec::new();
        };
        let with_each = |labels: &Vec<Label>| {
            let with = |value: &&'static str| {
                let mut labels = labels.clone();
                labels.push(Label::new(label.name, *value));
                labels
            };
            values.iter().map(with).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(with_each).collect();
    }
    let key = |labels| Key::from_parts(metric.name, labels);
    all.into_iter().map(key).collect()
}
