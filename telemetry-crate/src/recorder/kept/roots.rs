//! The kept roots of one class, by name.

use std::{collections::VecDeque, hash::BuildHasherDefault, sync::Arc};

use hashbrown::HashMap;

use super::{Ended, RECENT, RECENT_FOR, SLOWEST};
use crate::recorder::{
    budget::Budget,
    open::RandomBits,
    root::{End, Root, SUMMARY_BYTES},
};

/// The number of names in a class; further names share one place.
const MAX_NAMES: usize = 256;

/// The age in nanoseconds from which any other root replaces a slow one.
///
/// Otherwise the first request of a process would stay the slowest for weeks.
const SLOW_FOR: u64 = 3_600 * 1_000_000_000;

/// The key of all names for which a class has no place.
const FURTHER_NAMES: u64 = 0;

/// Size of the entry of a root in bytes.
const ENTRY_BYTES: usize = size_of::<KeptRoot>();

/// Size of a name in bytes, with the unused places of its table.
///
/// A table doubles when 7/8 of its places are used, and has a byte more for each place.
const NAME_BYTES: usize = (size_of::<(u64, Named)>() + 1) * 16 / 7;

/// The roots of one class, by the hash of their name.
#[derive(Debug, Default)]
pub(super) struct Roots {
    by_name: HashMap<u64, Named, BuildHasherDefault<RandomBits>>,
    bytes: usize,
}

/// The roots of one name, the first one to be evicted in front.
#[derive(Debug, Default)]
struct Named {
    roots: VecDeque<KeptRoot>,
    /// The number of entries that the budget has reserved.
    reserved: usize,
    /// The bytes of the roots with their entries.
    bytes: usize,
}

/// A root and the bytes that it takes.
///
/// A root with open spans may take more later, which the next measurement finds.
#[derive(Debug)]
pub(super) struct KeptRoot {
    root: Arc<Root>,
    ended: u64,
    bytes: usize,
}

impl KeptRoot {
    pub(super) fn new(root: Arc<Root>, end: End) -> Self {
        root.shrink();
        Self {
            bytes: ENTRY_BYTES + root.try_bytes().unwrap_or(SUMMARY_BYTES),
            root,
            ended: end.time,
        }
    }

    /// Updates the number of bytes, unless the root stays locked.
    fn measure(&mut self) {
        if let Some(bytes) = self.root.try_bytes() {
            self.bytes = ENTRY_BYTES + bytes;
        }
    }

    fn duration(&self) -> u64 {
        self.ended.saturating_sub(self.root.started)
    }

    /// The duration for comparisons; an old root is not slow any more.
    fn slowness(&self, now: u64) -> u64 {
        let is_old = now.saturating_sub(self.ended) > SLOW_FOR;
        if is_old { 0 } else { self.duration() }
    }
}

impl Named {
    /// Adds a root; returns it if there is no memory for its entry.
    fn push(&mut self, root: KeptRoot, budget: &Budget) -> Result<(), KeptRoot> {
        let length = self.roots.len();
        if length == self.reserved {
            let more = (length / 8).max(2);
            if !budget.reserve(more * ENTRY_BYTES) {
                return Err(root);
            }
            self.roots.reserve_exact(more);
            self.reserved += more;
        }
        self.bytes += root.bytes;
        self.roots.push_back(root);
        Ok(())
    }

    /// Removes the first root, and returns the bytes that it took.
    fn pop(&mut self, budget: &Budget) -> usize {
        let Some(removed) = self.roots.pop_front() else {
            return 0;
        };
        self.bytes -= removed.bytes;
        let length = self.roots.len();
        if length < self.reserved / 2 {
            self.roots.shrink_to(length);
            budget.release((self.reserved - length) * ENTRY_BYTES);
            self.reserved = length;
        }
        removed.bytes
    }

    /// Whether a root takes the place of the least slow one, which is in front.
    fn takes_slow(&self, ended: &Ended) -> bool {
        let now = ended.end.time;
        let least = self.roots.front();
        let slowness = least.map_or(0, |least| least.slowness(now));
        self.roots.len() < SLOWEST || now.saturating_sub(ended.root.started) > slowness
    }

    /// Moves the least slow root to the front.
    ///
    /// There it is the next one to be evicted.
    fn sort_by_slowness(&mut self, now: u64) {
        let roots = self.roots.make_contiguous();
        roots.sort_by_key(|kept| kept.slowness(now));
    }

    fn takes_recent(&self, now: u64) -> bool {
        let oldest = self.roots.front();
        // A clock that was set back says nothing about the age.
        let is_due = |oldest: &KeptRoot| {
            now.checked_sub(oldest.ended) >= Some(RECENT_FOR) || now < oldest.ended
        };
        self.roots.len() < RECENT || oldest.is_none_or(is_due)
    }
}

impl Roots {
    /// The roots of all names.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Root>> {
        let roots = self.by_name.values().flat_map(|named| &named.roots);
        roots.map(|kept| &kept.root)
    }

    /// Whether a root is among the slowest ones of its name.
    pub(super) fn takes_slow(&mut self, name: u64, ended: &Ended) -> bool {
        (self.named(name)).is_none_or(|named| named.takes_slow(ended))
    }

    /// Whether a root of this name is kept as a recent one.
    pub(super) fn takes_recent(&mut self, name: u64, now: u64) -> bool {
        (self.named(name)).is_none_or(|named| named.takes_recent(now))
    }

    /// Moves the least slow root of a name to the front.
    pub(super) fn sort_by_slowness(&mut self, name: u64, now: u64) {
        if let Some(named) = self.named(name) {
            named.sort_by_slowness(now);
        }
    }

    /// The roots of a name, which may be those of all further names.
    fn named(&mut self, name: u64) -> Option<&mut Named> {
        if self.by_name.len() < MAX_NAMES || self.by_name.contains_key(&name) {
            return self.by_name.get_mut(&name);
        }
        self.by_name.get_mut(&FURTHER_NAMES)
    }

    /// Adds a root; returns the number of roots for which there is no memory.
    ///
    /// Removes the first one of its name if there are more than `max`.
    pub(super) fn add(&mut self, name: u64, root: KeptRoot, max: usize, budget: &Budget) -> u64 {
        let has_place = name == FURTHER_NAMES
            || self.by_name.contains_key(&name)
            || self.by_name.len() < MAX_NAMES && budget.reserve(NAME_BYTES);
        let name = if has_place { name } else { FURTHER_NAMES };
        let named = self.by_name.entry(name).or_default();
        let bytes = root.bytes;
        let mut lost = 0;
        if let Err(root) = named.push(root, budget) {
            lost = 1;
            // The entry of the first root is free for the new one. Without another one, the new root is not kept.
            self.bytes -= named.pop(budget);
            if named.push(root, budget).is_err() {
                self.remove_if_empty(name, budget);
                return lost;
            }
        }
        self.bytes += bytes;
        if named.roots.len() > max {
            self.remove_first(name, budget);
        }
        lost
    }

    /// Removes the root in front of a name.
    fn remove_first(&mut self, name: u64, budget: &Budget) {
        if let Some(named) = self.by_name.get_mut(&name) {
            self.bytes -= named.pop(budget);
        }
        self.remove_if_empty(name, budget);
    }

    /// Removes a name without roots.
    fn remove_if_empty(&mut self, name: u64, budget: &Budget) {
        let is_empty = |named: &Named| named.roots.is_empty();
        if !self.by_name.get(&name).is_some_and(is_empty) {
            return;
        }
        if let Some(removed) = self.by_name.remove(&name) {
            budget.release(removed.reserved * ENTRY_BYTES);
        }
        if name != FURTHER_NAMES {
            budget.release(NAME_BYTES);
        }
        if self.by_name.allocation_size() > 2 * self.by_name.len() * NAME_BYTES {
            self.by_name.shrink_to_fit();
        }
    }

    pub(super) fn count(&self) -> usize {
        self.by_name.values().map(|named| named.roots.len()).sum()
    }

    pub(super) fn measure(&mut self) {
        for named in self.by_name.values_mut() {
            named.roots.iter_mut().for_each(KeptRoot::measure);
            named.bytes = named.roots.iter().map(|kept| kept.bytes).sum();
        }
        self.bytes = self.by_name.values().map(|named| named.bytes).sum();
    }

    /// Removes roots until at most `max` bytes are left; returns their number.
    pub(super) fn shrink_to(&mut self, max: usize, budget: &Budget) -> u64 {
        let mut removed = 0;
        while self.bytes > max {
            let largest = self.by_name.iter().max_by_key(|(_, named)| named.bytes);
            let Some(name) = largest.map(|(name, _)| *name) else {
                break;
            };
            self.remove_first(name, budget);
            removed += 1;
        }
        removed
    }

    /// The bytes of the budget for names and entries.
    #[cfg(test)]
    pub(super) fn bytes_of_tables(&self) -> usize {
        let bytes = self.by_name.iter().map(|(name, named)| {
            let name = if *name == FURTHER_NAMES {
                0
            } else {
                NAME_BYTES
            };
            name + named.reserved * ENTRY_BYTES
        });
        bytes.sum()
    }

    #[cfg(test)]
    pub(super) fn names(&self) -> usize {
        self.by_name.len()
    }
}
