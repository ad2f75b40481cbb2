//! The errors of the process, in groups.
//!
//! A group has a place and a type. The place is where the error was logged: file and line. The type is the value of
//! `error.type` or `exception.type`, if there is one. Messages do not make a group, because they contain ids. Only their
//! constant part does, which `template` returns, and that of the error if it has no type.
//!
//! One failure counts once, although several parts of a service report it:
//! - An `ERROR` event of the program or of a library counts at its place. So does a panic, at the place of the panic.
//! - The same error may be logged again while it is returned, as by `#[instrument(err)]` on several functions. `mark`
//!   recognizes this, and the first place counts.
//! - firstlight reports the end of a request, a job or a run with an event and with the status of its root span. Both
//!   count only if no error of the same local root has counted before. Their place is the name of the root, because the
//!   file would be one of firstlight.
//!
//! `table` limits the number of groups and their memory.

mod fingerprint;
mod mark;
mod occurrence;
mod table;
mod template;

#[cfg(test)]
mod tests;

use std::{
    cmp::Reverse,
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use self::table::Table;
pub(crate) use self::table::{ErrorGroup, ErrorPlace};
pub(super) use self::{
    fingerprint::Fingerprint,
    mark::Mark,
    occurrence::{Failure, Occurrence, Place, error_of_function, is_report},
};
use super::{budget::Budget, spin::try_lock};
use crate::proto::nanos;

/// The part of the budget that errors may take: 5 %.
const PART: usize = 20;

/// The number of fingerprints of earlier processes that are remembered.
///
/// An error that occurs once a week is still known, although the last process did not have it.
const MAX_KNOWN: usize = 1_024;

/// All errors of the process, in groups.
#[derive(Debug)]
pub(crate) struct Errors {
    /// When the groups began, in nanoseconds since the epoch.
    started: u64,
    table: Mutex<Table>,
    /// The fingerprints that the last process knew; `None` without that process.
    known: Mutex<Option<Vec<u64>>>,
}

/// What happened to an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    Yes,
    /// The table was locked by another thread.
    Contended,
    /// The recorder has no memory left.
    NoMemory,
}

impl Errors {
    /// Creates groups that take a part of `bytes` bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            started: nanos(SystemTime::now()),
            table: Mutex::new(Table::new(bytes / PART)),
            known: Mutex::default(),
        }
    }

    /// Counts an error in its group.
    pub(super) fn count(&self, error: &Occurrence<'_>, budget: &Budget) -> Counted {
        let key = error.key();
        match try_lock(&self.table) {
            Some(mut table) => table.count(error, key, budget),
            None => Counted::Contended,
        }
    }

    /// The bytes of the budget that the groups have.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.lock_table().bytes()
    }

    /// Tells which errors the last process knew.
    ///
    /// Groups with another fingerprint are new in this process.
    pub(crate) fn know(&self, fingerprints: &[u64]) {
        let first = fingerprints.len().saturating_sub(MAX_KNOWN);
        *self.lock_known() = Some(fingerprints[first..].to_vec());
    }

    /// The fingerprints of all known errors, those that occurred last at the end.
    pub(crate) fn fingerprints(&self) -> Vec<u64> {
        let mut seen = self.lock_table().last_seen();
        seen.sort_unstable();
        let seen: Vec<u64> = seen
            .into_iter()
            .map(|(_, fingerprint)| fingerprint)
            .collect();
        let mut all = self.lock_known().clone().unwrap_or_default();
        let current: HashSet<&u64> = seen.iter().collect();
        all.retain(|fingerprint| !current.contains(fingerprint));
        all.extend(seen);
        all.drain(..all.len().saturating_sub(MAX_KNOWN));
        all
    }

    /// All groups at this moment, the one that occurred last first.
    pub(crate) fn read(&self) -> ErrorsView {
        let keys = self.lock_table().keys();
        // Each group is copied on its own, so that no error waits for all of the copies.
        let groups = keys
            .into_iter()
            .filter_map(|key| self.lock_table().group(key));
        let mut groups: Vec<_> = groups.collect();
        groups.sort_by_key(|group| Reverse(group.last_seen));
        let known = self.lock_known().clone();
        ErrorsView {
            started: self.started,
            groups,
            known: known.map(HashSet::from_iter),
            removed: self.lock_table().removed(),
        }
    }

    /// Waits for the lock, so only readers call it.
    fn lock_table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_known(&self) -> MutexGuard<'_, Option<Vec<u64>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The groups at the moment of a request.
#[derive(Debug)]
pub(crate) struct ErrorsView {
    /// When the groups began, in nanoseconds since the epoch.
    pub(crate) started: u64,
    pub(crate) groups: Vec<ErrorGroup>,
    known: Option<HashSet<u64>>,
    /// The number of groups that were removed for others.
    pub(crate) removed: u64,
}

impl ErrorsView {
    /// Whether it is known which errors the last process knew.
    pub(crate) fn knows_last_process(&self) -> bool {
        self.known.is_some()
    }

    /// Whether the group is new in this process; `None` if that is not known.
    pub(crate) fn is_new(&self, group: &ErrorGroup) -> Option<bool> {
        let known = self.known.as_ref()?;
        Some(!known.contains(&group.fingerprint))
    }
}
