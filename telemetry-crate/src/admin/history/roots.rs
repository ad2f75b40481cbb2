//! The rows of one kind of local roots.
//!
//! There is one for each name, one for all, and one for the names without a row.

#[cfg(test)]
mod tests;

use std::{collections::hash_map::RandomState, hash::BuildHasher, sync::Arc};

use super::{
    counts::{Bounds, Counts},
    kind::{Kind, Labels},
    row::{Interval, Row},
};
use crate::metrics::{Histogram, Series};

/// The name of the row of all names without a row.
const OTHERS: &str = "(others)";

/// Largest number of names without a row that are told apart.
const MAX_UNNAMED: usize = 256;

/// The bytes of what does not depend on the number of rows.
pub(super) const FIXED_BYTES: usize =
    size_of::<Roots>() + 2 * MAX_UNNAMED * size_of::<Unnamed>() + 64 * size_of::<f64>();

/// All rows of a kind.
#[derive(Debug)]
pub(super) struct Roots {
    kind: Kind,
    max_names: usize,
    bounds: Bounds,
    /// `None` until the first sample.
    all: Option<Row>,
    others: Option<Row>,
    rows: Vec<Row>,
    /// The names without a row at the last point, by their hash.
    unnamed: Vec<Unnamed>,
    /// Whether there were more such names.
    is_full: bool,
    hasher: RandomState,
}

/// A name without a row.
#[derive(Debug, Clone, Copy)]
struct Unnamed {
    hash: u64,
    samples: u32,
    /// A series of the name.
    series: u32,
}

impl Roots {
    pub(super) fn new(kind: Kind, max_names: usize) -> Self {
        Self {
            kind,
            max_names,
            bounds: Bounds::default(),
            all: None,
            others: None,
            rows: Vec::new(),
            unnamed: Vec::new(),
            is_full: false,
            // Names may come from clients, so that their hashes must not be known.
            hasher: RandomState::new(),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// The row of all names; `None` before the first sample.
    pub(super) fn all(&self) -> Option<&Row> {
        self.all.as_ref()
    }

    /// The rows with a sample in the window, the one of the other names last.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        let rows = self.rows.iter().chain(&self.others);
        rows.filter(|row| !row.is_idle())
    }

    /// Sets a point at which nothing was counted.
    pub(super) fn skip(&mut self, number: u64) {
        let rows = self.rows.iter_mut().chain(&mut self.all);
        for row in rows.chain(&mut self.others) {
            row.skip(number);
        }
    }

    /// Sets the point of an interval that ends now.
    pub(super) fn sample(&mut self, series: &[(Arc<str>, Series)], interval: Interval) {
        let histograms = series.iter().filter_map(|(labels, series)| match series {
            Series::Histogram(histogram) => Some((&**labels, &**histogram)),
            _ => None,
        });
        let histograms: Vec<_> = histograms.collect();
        let Some((_, first)) = histograms.first() else {
            return self.skip(interval.number);
        };
        self.bounds.read(first);
        let mut all = self.all.take().unwrap_or_else(|| Row::new("", 0));
        let mut others = self.others.take().unwrap_or_else(|| Row::new(OTHERS, 0));
        all.begin();
        for row in &mut self.rows {
            row.begin();
        }
        self.count(&histograms, all.counting());
        let mut rest = all.end(interval, &self.bounds);
        for row in &mut self.rows {
            rest = rest.since(&row.end(interval, &self.bounds));
        }
        others.set(interval, &rest, &self.bounds);
        (self.all, self.others) = (Some(all), Some(others));
    }

    /// Adds all samples to `all`, and to the rows of their names.
    fn count(&mut self, histograms: &[(&str, &Histogram)], all: &mut Counts) {
        let mut unnamed = Vec::new();
        let mut is_full = false;
        for (place, (labels, histogram)) in histograms.iter().enumerate() {
            let (labels, is_failed) = self.kind.read(labels);
            let mut samples = Counts::default();
            samples.add(histogram, &self.bounds, is_failed);
            all.merge(&samples);
            if labels.is_empty() {
                continue;
            }
            let hash = self.hasher.hash_one(&labels);
            if let Some(row) = self.row_of(hash, &labels) {
                row.counting().merge(&samples);
                continue;
            }
            let found = Unnamed {
                hash,
                samples: samples.all(),
                series: u32::try_from(place).unwrap_or(u32::MAX),
            };
            is_full |= !add(&mut unnamed, found);
        }
        unnamed.retain(|name: &Unnamed| !self.give_place(name, histograms));
        (self.unnamed, self.is_full) = (unnamed, is_full);
    }

    /// The row of a name; a name that is new gets one, if there is room.
    fn row_of(&mut self, hash: u64, labels: &Labels<'_>) -> Option<&mut Row> {
        // A name that may have had samples before gets a row in `give_place`.
        let is_known = || self.is_full || self.samples_before(hash).is_some();
        let place = match self.rows.iter().position(|row| row.hash == hash) {
            None if is_known() => return None,
            None => self.place(hash, &self.kind.name(labels))?,
            Some(place) => place,
        };
        self.rows.get_mut(place)
    }

    /// Gives a row to a name that has samples since the last point.
    ///
    /// Returns `false` if it gets none. The samples of this interval count among the others.
    fn give_place(&mut self, name: &Unnamed, histograms: &[(&str, &Histogram)]) -> bool {
        let before = self.samples_before(name.hash);
        if before.is_none_or(|samples| samples == name.samples) {
            return false;
        }
        let Some((labels, _)) = histograms.get(name.series as usize) else {
            return false;
        };
        let (labels, _) = self.kind.read(labels);
        let place = self.place(name.hash, &self.kind.name(&labels));
        let Some(row) = place.and_then(|place| self.rows.get_mut(place)) else {
            return false;
        };
        row.set_fresh();
        for (labels, histogram) in histograms {
            let (labels, is_failed) = self.kind.read(labels);
            if !labels.is_empty() && self.hasher.hash_one(&labels) == name.hash {
                row.counting().add(histogram, &self.bounds, is_failed);
            }
        }
        true
    }

    fn samples_before(&self, hash: u64) -> Option<u32> {
        let place = self.unnamed.binary_search_by_key(&hash, |name| name.hash);
        let name = self.unnamed.get(place.ok()?);
        name.map(|name| name.samples)
    }

    /// Makes a row for a name, or takes that of a name without samples in the window.
    fn place(&mut self, hash: u64, name: &str) -> Option<usize> {
        if self.rows.len() < self.max_names {
            self.rows.push(Row::new(name, hash));
            return Some(self.rows.len() - 1);
        }
        let place = self.rows.iter().position(Row::is_idle)?;
        let row = self.rows.get_mut(place)?;
        let idle = Unnamed {
            hash: row.hash,
            samples: row.before(),
            series: u32::MAX,
        };
        row.replace(name, hash);
        // The name is not a new one if it is seen again.
        self.is_full |= !add(&mut self.unnamed, idle);
        Some(place)
    }
}

/// Adds the samples of a name; returns `false` if there is no room for the name.
fn add(names: &mut Vec<Unnamed>, found: Unnamed) -> bool {
    match names.binary_search_by_key(&found.hash, |name| name.hash) {
        Ok(place) => {
            if let Some(name) = names.get_mut(place) {
                name.samples = name.samples.wrapping_add(found.samples);
            }
            true
        }
        Err(place) if names.len() < MAX_UNNAMED => {
            names.insert(place, found);
            true
        }
        Err(_) => false,
    }
}
