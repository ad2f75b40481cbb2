//! The handles that one thread uses most, where no other thread touches them.
//!
//! In the shared cache a hit takes a lock and a reference count, and on a key that two threads use each waits for the
//! other's cache line, whether they contend or not. In here a hit is a comparison. What it leaves out: everything that
//! does not fit. A key that finds its place taken has to ask twice in a row, so that keys that alternate do not push each
//! other out at every use.

use std::{
    cell::RefCell,
    sync::atomic::{AtomicU64, Ordering},
};

use ::metrics::Key;

use super::handle::Handle;

/// Places of one thread, some 5 KB: more than the keys of a handler and of what it calls.
const ENTRIES: usize = 32;

thread_local! {
    static ENTRIES_OF_THREAD: RefCell<[Place; ENTRIES]> = const { RefCell::new([const { Place::EMPTY }; ENTRIES]) };
}

/// Which registry a key belongs to; a thread may use several, in tests. Never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner(u64);

impl Owner {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Room for one key.
struct Place {
    kept: Option<(Owner, Key, Handle)>,
    /// The hash of the last key that was not found here.
    asked: u64,
}

impl Place {
    const EMPTY: Self = Self {
        kept: None,
        asked: 0,
    };
}

/// Applies `pick` to this thread's handle of `key`, or else to the one that `find` has, and remembers that if the key
/// was asked for before. `find` gives the key in the form in which it may be kept.
pub(super) fn get<T>(
    owner: Owner,
    key: &Key,
    pick: impl Fn(&Handle) -> Option<T>,
    find: impl Fn() -> Option<(Key, Handle)>,
) -> Option<T> {
    let find_and_pick = || find().as_ref().and_then(|(_, handle)| pick(handle));
    let get = |places: &RefCell<[Place; ENTRIES]>| {
        // Never borrowed twice: nothing that runs in here is the program's.
        let Ok(mut places) = places.try_borrow_mut() else {
            return find_and_pick();
        };
        let hash = key.get_hash();
        let place = &mut places[(hash >> 16) as usize % ENTRIES];
        if let Some((kept_for, kept, handle)) = &place.kept
            && *kept_for == owner
            && is_same(kept, key)
        {
            return pick(handle);
        }
        let (key, handle) = find()?;
        let picked = pick(&handle)?;
        if place.kept.is_none() || place.asked == hash {
            place.kept = Some((owner, key, handle));
        }
        place.asked = hash;
        Some(picked)
    };
    // Without thread-locals, late in the life of a thread, the shared handle has to do.
    ENTRIES_OF_THREAD
        .try_with(get)
        .unwrap_or_else(|_| find_and_pick())
}

/// Whether two keys are equal. Those of one use with literals are in the same place of memory, which is cheaper to see than
/// that they say the same; the place of a kept key cannot have become another's.
fn is_same(kept: &Key, key: &Key) -> bool {
    let (kept_labels, labels) = (kept.labels(), key.labels());
    std::ptr::eq(kept.name(), key.name()) && std::ptr::eq(kept_labels.as_slice(), labels.as_slice())
        || kept == key
}
