//! The local roots that have ended and are kept, by class and name.
//!
//! Each class has a share of the memory, so that a storm of failures does not remove the slowest roots. Inside a class, the
//! name that takes most memory loses its oldest root first, or its least slow one. So no route takes all of its class.

use std::{
    collections::VecDeque,
    hash::{BuildHasher as _, BuildHasherDefault},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hashbrown::{DefaultHashBuilder, HashMap};

use super::{
    open::RandomBits,
    root::{End, Name, Root, RootOutcome, SUMMARY_BYTES},
    spin::try_lock,
};

/// The number of slowest roots of each name.
const SLOWEST: usize = 3;

/// The number of recent roots of each name.
///
/// They succeeded and are not among the slowest.
const RECENT: usize = 5;

/// The age in nanoseconds from which a newer root replaces a recent one.
///
/// At a low rate all requests are kept. On a busy route most are dropped without cost.
const RECENT_FOR: u64 = 50_000_000;

/// The number of names in a class; further names share one place.
const MAX_NAMES: usize = 256;

/// The age in nanoseconds from which any other root replaces a slow one.
///
/// Otherwise the first request of a process would stay the slowest for weeks.
const SLOW_FOR: u64 = 3_600 * 1_000_000_000;

/// The reason for which a root is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Failed,
    Canceled,
    Slowest,
    Recent,
}

impl Class {
    pub(super) const ALL: [Self; 4] = [Self::Failed, Self::Canceled, Self::Slowest, Self::Recent];

    /// The largest share of the memory, in hundredths.
    ///
    /// The rest is for open roots and groups of errors.
    fn percent(self) -> usize {
        match self {
            Self::Failed => 40,
            Self::Canceled => 5,
            Self::Slowest => 15,
            Self::Recent => 10,
        }
    }
}

/// A root that has ended.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub(super) root: Arc<Root>,
    pub(super) name: Name,
    pub(super) end: End,
}

/// All roots that have ended and are kept.
#[derive(Debug)]
pub(super) struct Kept(Mutex<Sorted>);

/// The key of all names for which a class has no place.
const FURTHER_NAMES: u64 = 0;

#[derive(Debug, Default)]
struct Sorted {
    hasher: DefaultHashBuilder,
    classes: [Roots; Class::ALL.len()],
}

/// The roots of one class, by the hash of their name.
#[derive(Debug, Default)]
struct Roots {
    by_name: HashMap<u64, Named, BuildHasherDefault<RandomBits>>,
    bytes: usize,
}

/// The roots of one name, the first one to be evicted in front.
#[derive(Debug, Default)]
struct Named {
    roots: VecDeque<KeptRoot>,
    bytes: usize,
}

/// A root and the bytes that it takes.
///
/// A root with open spans may take more later, until the next [`Sorted::measure`].
#[derive(Debug)]
struct KeptRoot {
    root: Arc<Root>,
    ended: u64,
    bytes: usize,
}

impl KeptRoot {
    fn new(root: Arc<Root>, end: End) -> Self {
        root.shrink();
        Self {
            bytes: root.try_bytes().unwrap_or(SUMMARY_BYTES),
            root,
            ended: end.time,
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
        let age = oldest.map_or(u64::MAX, |oldest| now.saturating_sub(oldest.ended));
        self.roots.len() < RECENT || age >= RECENT_FOR
    }
}

impl Roots {
    /// The roots of a name, which may be those of all further names.
    fn named(&mut self, name: u64) -> Option<&mut Named> {
        if self.by_name.len() < MAX_NAMES || self.by_name.contains_key(&name) {
            return self.by_name.get_mut(&name);
        }
        self.by_name.get_mut(&FURTHER_NAMES)
    }

    /// Adds a root.
    ///
    /// Removes the first one of its name if there are more than `max`.
    fn add(&mut self, name: u64, root: KeptRoot, max: usize) {
        let is_further = self.by_name.len() >= MAX_NAMES && !self.by_name.contains_key(&name);
        let name = if is_further { FURTHER_NAMES } else { name };
        let named = self.by_name.entry(name).or_default();
        named.bytes += root.bytes;
        self.bytes += root.bytes;
        named.roots.push_back(root);
        if named.roots.len() > max {
            self.remove_first(name);
        }
    }

    /// Removes the root in front of a name.
    fn remove_first(&mut self, name: u64) {
        let Some(named) = self.by_name.get_mut(&name) else {
            return;
        };
        if let Some(removed) = named.roots.pop_front() {
            named.bytes -= removed.bytes;
            self.bytes -= removed.bytes;
        }
        if named.roots.is_empty() {
            self.by_name.remove(&name);
        }
    }

    fn count(&self) -> usize {
        self.by_name.values().map(|named| named.roots.len()).sum()
    }

    fn measure(&mut self) {
        for named in self.by_name.values_mut() {
            for kept in &mut named.roots {
                kept.bytes = kept.root.try_bytes().unwrap_or(kept.bytes);
            }
            named.bytes = named.roots.iter().map(|kept| kept.bytes).sum();
        }
        self.bytes = self.by_name.values().map(|named| named.bytes).sum();
    }

    /// Removes roots until at most `max` bytes are left; returns their number.
    fn shrink_to(&mut self, max: usize) -> u64 {
        let mut removed = 0;
        while self.bytes > max {
            let largest = self.by_name.iter().max_by_key(|(_, named)| named.bytes);
            let Some(name) = largest.map(|(name, _)| *name) else {
                break;
            };
            self.remove_first(name);
            removed += 1;
        }
        removed
    }
}

impl Kept {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    /// Keeps a root that has ended; returns it if the table is locked.
    ///
    /// Evicts others beyond their share of `memory` bytes, and returns their number.
    pub(super) fn try_add(&self, ended: Ended, memory: usize) -> Result<u64, Ended> {
        let Some(mut sorted) = try_lock(&self.0) else {
            return Err(ended);
        };
        let is_kept = sorted.add(ended);
        Ok(if is_kept { sorted.shrink(memory) } else { 0 })
    }

    /// Evicts roots beyond their share of `memory` bytes; returns their number.
    ///
    /// Does nothing if the table is locked.
    pub(super) fn try_evict(&self, memory: usize) -> u64 {
        try_lock(&self.0).map_or(0, |mut sorted| {
            sorted.measure();
            sorted.shrink(memory)
        })
    }

    /// The roots of a class, in no order.
    ///
    /// Waits for the lock, so only readers call it.
    pub(super) fn of(&self, class: Class) -> Vec<Arc<Root>> {
        // Memory is allocated without the lock, so that it is held only for the copies.
        let mut roots = Vec::with_capacity(self.lock().class(class).count() + 64);
        let mut sorted = self.lock();
        let named = sorted.class(class).by_name.values();
        roots.extend(named.flat_map(|named| named.roots.iter().map(|kept| kept.root.clone())));
        roots
    }

    #[cfg(test)]
    pub(super) fn names(&self, class: Class) -> usize {
        self.lock().class(class).by_name.len()
    }

    fn lock(&self) -> MutexGuard<'_, Sorted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sorted {
    /// Measures all roots, because those with open spans grow.
    fn measure(&mut self) {
        self.classes.iter_mut().for_each(Roots::measure);
    }

    /// Evicts roots beyond their share of `memory` bytes; returns their number.
    fn shrink(&mut self, memory: usize) -> u64 {
        let shares = Class::ALL.map(|class| memory / 100 * class.percent());
        let classes = self.classes.iter_mut().zip(shares);
        classes.map(|(roots, share)| roots.shrink_to(share)).sum()
    }

    fn class(&mut self, class: Class) -> &mut Roots {
        &mut self.classes[class as usize]
    }

    /// Adds a root to its class; returns `false` if it is not kept.
    fn add(&mut self, ended: Ended) -> bool {
        let name = self.hasher.hash_one(ended.name);
        let (class, max) = match ended.end.outcome {
            RootOutcome::Failed => (Class::Failed, usize::MAX),
            RootOutcome::Canceled => (Class::Canceled, usize::MAX),
            RootOutcome::Succeeded => match self.class_of_success(name, &ended) {
                Some(Class::Slowest) => (Class::Slowest, SLOWEST),
                Some(_) => (Class::Recent, RECENT),
                None => return false,
            },
        };
        let now = ended.end.time;
        let root = KeptRoot::new(ended.root, ended.end);
        self.class(class).add(name, root, max);
        if class == Class::Slowest
            && let Some(named) = self.class(class).named(name)
        {
            named.sort_by_slowness(now);
        }
        true
    }

    fn class_of_success(&mut self, name: u64, ended: &Ended) -> Option<Class> {
        let named = self.class(Class::Slowest).named(name);
        if named.is_none_or(|named| named.takes_slow(ended)) {
            return Some(Class::Slowest);
        }
        let named = self.class(Class::Recent).named(name);
        let is_recent = named.is_none_or(|named| named.takes_recent(ended.end.time));
        is_recent.then_some(Class::Recent)
    }
}
