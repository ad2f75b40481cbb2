//! What tests see of the local roots, and do with them.

use super::LocalRoots;
use crate::recorder::{kept::Class, spin::try_lock};

impl LocalRoots {
    pub(in crate::recorder) fn while_locked<T>(&self, run: impl FnOnce() -> T) -> T {
        self.open.while_locked(run)
    }

    /// Whether the search for memory pauses.
    pub(in crate::recorder) fn pauses(&self) -> bool {
        try_lock(&self.pause).is_some_and(|pause| pause.is_some())
    }

    pub(in crate::recorder) fn end_pause(&self) {
        try_lock(&self.pause).map(|mut pause| pause.take());
    }

    pub(in crate::recorder) fn table_bytes(&self) -> usize {
        self.open.bytes()
    }

    pub(in crate::recorder) fn bytes_of_kept_tables(&self) -> usize {
        self.kept.bytes_of_tables()
    }

    pub(in crate::recorder) fn kept_names(&self, class: Class) -> usize {
        self.kept.names(class)
    }
}
