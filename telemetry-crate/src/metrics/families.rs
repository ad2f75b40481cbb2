//! All metrics by name, bounded in number.
//!
//! A metric is never removed, because its name will be used again.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    aliases::Aliases,
    cardinality::CardinalityLimiter,
    catalog::{self, Kind},
    family::Family,
    names::{NameOwner, Names},
};

/// Maximum number of metrics. Metrics of the catalog count, but always have room.
///
/// Names come from code. A program that makes them from data puts into a name what belongs into a label.
pub(super) const MAX_METRICS: usize = 1_000;

/// All metrics of a registry.
#[derive(Debug)]
pub(super) struct Families {
    names: Names,
    by_name: BTreeMap<String, Arc<Family>>,
}

impl Families {
    pub(super) fn new(aliases: &Aliases) -> Self {
        let mut names = Names::new();
        aliases.claim(&mut names);
        Self {
            names,
            by_name: BTreeMap::new(),
        }
    }

    /// All metrics, sorted by name.
    pub(super) fn list(&self) -> Vec<Arc<Family>> {
        self.by_name.values().cloned().collect()
    }

    /// Whether there is a metric of this name.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The metric of this name and kind, if it was used before.
    pub(super) fn get(&self, kind: Kind, name: &str) -> Option<Arc<Family>> {
        self.by_name
            .get(name)
            .filter(|family| family.kind == kind)
            .cloned()
    }

    /// The metric of this name and kind, created at its first use.
    ///
    /// `bounds` are the buckets of a new histogram.
    ///
    /// # Errors
    ///
    /// The metric that conflicts with this one, or `None` if there are too many metrics.
    pub(super) fn get_or_insert(
        &mut self,
        kind: Kind,
        name: &str,
        bounds: Option<Arc<[f64]>>,
        limiter: &CardinalityLimiter,
    ) -> Result<Arc<Family>, Option<NameOwner>> {
        if let Some(family) = self.get(kind, name) {
            return Ok(family);
        }
        if let Some(owner) = self.names.conflict(name, kind) {
            return Err(Some(owner.clone()));
        }
        // The catalog has few metrics, and the metrics of the program must not keep them out.
        let is_in_catalog = catalog::find(name).is_some();
        if self.by_name.len() >= MAX_METRICS && !is_in_catalog {
            return Err(None);
        }
        self.names.claim(name, kind);
        let family = Arc::new(Family::new(
            name.to_owned(),
            kind,
            bounds,
            limiter.limit_of(kind, name),
            is_in_catalog,
        ));
        self.by_name.insert(name.to_owned(), Arc::clone(&family));
        Ok(family)
    }
}
