//! The local roots that have ended and are kept, by class and name.
//!
//! Each class has a share of the memory, so that a storm of failures does not remove the slowest roots. Inside a class, the
//! name that takes most memory loses its oldest root first, or its least slow one. So no route takes all of its class.

mod roots;

use std::{
    hash::BuildHasher as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hashbrown::DefaultHashBuilder;

use self::roots::{KeptRoot, Roots};
use super::{
    budget::Budget,
    root::{End, Name, Root, RootOutcome},
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

/// What made room for a root.
#[derive(Debug, Default)]
pub(super) struct Evicted {
    /// The number of roots.
    pub(super) roots: u64,
    /// Whether the budget had no memory for the entry of the root.
    pub(super) lacks_memory: bool,
}

/// All roots that have ended and are kept.
#[derive(Debug)]
pub(super) struct Kept(Mutex<Sorted>);

#[derive(Debug, Default)]
struct Sorted {
    hasher: DefaultHashBuilder,
    classes: [Roots; Class::ALL.len()],
}

impl Kept {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    /// Keeps a root that has ended; returns it if the table is locked.
    ///
    /// Evicts others beyond their share of `memory` bytes.
    pub(super) fn try_add(
        &self,
        ended: Ended,
        memory: usize,
        budget: &Budget,
    ) -> Result<Evicted, Ended> {
        let Some(mut sorted) = try_lock(&self.0) else {
            return Err(ended);
        };
        let Some(lost) = sorted.add(ended, budget) else {
            return Ok(Evicted::default());
        };
        Ok(Evicted {
            roots: lost + sorted.shrink(memory, budget),
            lacks_memory: lost > 0,
        })
    }

    /// Evicts roots beyond their share of `memory` bytes; returns their number.
    ///
    /// Does nothing if the table is locked.
    pub(super) fn try_evict(&self, memory: usize, budget: &Budget) -> u64 {
        try_lock(&self.0).map_or(0, |mut sorted| {
            sorted.measure();
            sorted.shrink(memory, budget)
        })
    }

    /// The roots of a class, in no order.
    ///
    /// Waits for the lock, so only readers call it.
    pub(super) fn of(&self, class: Class) -> Vec<Arc<Root>> {
        // Memory is allocated without the lock, so that it is held only for the copies.
        let mut roots = Vec::with_capacity(self.lock().class(class).count() + 64);
        let mut sorted = self.lock();
        roots.extend(sorted.class(class).iter().cloned());
        roots
    }

    /// The bytes of the budget for names and entries.
    #[cfg(test)]
    pub(super) fn bytes_of_tables(&self) -> usize {
        let sorted = self.lock();
        sorted.classes.iter().map(Roots::bytes_of_tables).sum()
    }

    #[cfg(test)]
    pub(super) fn names(&self, class: Class) -> usize {
        self.lock().class(class).names()
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
    fn shrink(&mut self, memory: usize, budget: &Budget) -> u64 {
        let shares = Class::ALL.map(|class| memory / 100 * class.percent());
        let classes = self.classes.iter_mut().zip(shares);
        let removed = classes.map(|(roots, share)| roots.shrink_to(share, budget));
        removed.sum()
    }

    fn class(&mut self, class: Class) -> &mut Roots {
        &mut self.classes[class as usize]
    }

    /// Adds a root to its class; returns `None` if it is in no class.
    ///
    /// Otherwise returns the number of roots for which there is no memory.
    fn add(&mut self, ended: Ended, budget: &Budget) -> Option<u64> {
        let name = self.hasher.hash_one(ended.name);
        let (class, max) = match ended.end.outcome {
            RootOutcome::Failed => (Class::Failed, usize::MAX),
            RootOutcome::Canceled => (Class::Canceled, usize::MAX),
            RootOutcome::Succeeded => match self.class_of_success(name, &ended) {
                Some(Class::Slowest) => (Class::Slowest, SLOWEST),
                Some(_) => (Class::Recent, RECENT),
                None => return None,
            },
        };
        let now = ended.end.time;
        let root = KeptRoot::new(ended.root, ended.end);
        let lost = self.class(class).add(name, root, max, budget);
        if class == Class::Slowest {
            self.class(class).sort_by_slowness(name, now);
        }
        Some(lost)
    }

    fn class_of_success(&mut self, name: u64, ended: &Ended) -> Option<Class> {
        if self.class(Class::Slowest).takes_slow(name, ended) {
            return Some(Class::Slowest);
        }
        let is_recent = self.class(Class::Recent).takes_recent(name, ended.end.time);
        is_recent.then_some(Class::Recent)
    }
}
