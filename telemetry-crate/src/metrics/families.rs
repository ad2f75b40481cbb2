//! All metrics by name, each of one kind, and not too many of them.
//!
//! What it leaves out: forgetting one. A name that was used will be used again.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    budget::Budget,
    catalog::{self, Kind},
    family::Family,
    names::{Names, Owner},
};

/// Most metrics, not counting the catalogue. Names come from code; a program that makes them from data has put into a name what belongs into a label.
pub(super) const METRICS: usize = 1_000;
#[derive(Debug)]
pub(super) struct Families {
    names: Names,
    by_name: BTreeMap<String, Arc<Family>>,
}

impl Families {
    /// None yet.
    pub(super) fn new() -> Self {
        Self {
            names: Names::new(),
            by_name: BTreeMap::new(),
        }
    }

    /// All of them, by name.
    pub(super) fn all(&self) -> Vec<Arc<Family>> {
        self.by_name.values().cloned().collect()
    }

    /// Whether there is a metric of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The metric of this name and kind, if it was used before.
    pub(super) fn get(&self, kind: Kind, name: &str) -> Option<Arc<Family>> {
        self.by_name
            .get(name)
            .filter(|family| family.kind == kind)
            .cloned()
    }

    /// The metric of this name and kind; `bounds` are for a histogram that is new.
    ///
    /// # Errors
    ///
    /// The metric that is in the way, or `None` if there are too many.
    pub(super) fn get_or_make(
        &mut self,
        kind: Kind,
        name: &str,
        bounds: Option<Arc<[f64]>>,
        budget: &Budget,
    ) -> Result<Arc<Family>, Option<Owner>> {
        if let Some(family) = self.get(kind, name) {
            return Ok(family);
        }
        if let Some(owner) = self.names.conflict(name, kind) {
            return Err(Some(owner.clone()));
        }
        // Ours are few and must not depend on how many the program has.
        let is_ours = catalog::find(name).is_some();
        if self.by_name.len() >= METRICS && !is_ours {
            return Err(None);
        }
        self.names.claim(name, kind);
        let family = Arc::new(Family::new(
            name.to_owned(),
            kind,
            bounds,
            budget.of(kind, name),
            is_ours,
        ));
        self.by_name.insert(name.to_owned(), Arc::clone(&family));
        Ok(family)
    }
}
