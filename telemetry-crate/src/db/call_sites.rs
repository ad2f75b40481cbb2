//! What each call site ran last.
//!
//! sqlx names the statement of a call only at its end. So a call that hangs is described by the statement that the same
//! place in the source ran before, which is nearly always the same one.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    panic::Location,
    sync::Arc,
};

use arc_swap::ArcSwapOption;

use super::statement::Statement;

/// Number of call sites.
///
/// Their statements are mostly those that [`statement`](super::statement) caches anyway.
const SITES: usize = 1_024;

/// Number of places in the table in which a call site may be.
const WAYS: usize = 4;

/// The last run of a call site.
#[derive(Debug)]
pub(super) struct LastRun {
    site: &'static Location<'static>,
    pub(super) statement: Option<Arc<Statement>>,
    /// Whether the call acquired its connection itself, from a pool.
    pub(super) acquires: bool,
}

/// The table. Readers take no lock.
static TABLE: [ArcSwapOption<LastRun>; SITES] = [const { ArcSwapOption::const_empty() }; SITES];

/// The places in which a site may be, the first one to be overwritten first.
fn places(site: &Location<'_>) -> impl Iterator<Item = &'static ArcSwapOption<LastRun>> {
    let mut hasher = DefaultHasher::new();
    // The address of the file's name is enough, and cheaper than its text.
    (site.file().as_ptr(), site.line(), site.column()).hash(&mut hasher);
    let start = usize::try_from(hasher.finish() % SITES as u64).unwrap_or_default();
    (0..WAYS).map(move |step| &TABLE[(start + step) % SITES])
}

fn is_same(a: &Location<'_>, b: &Location<'_>) -> bool {
    (a.file().as_ptr(), a.line(), a.column()) == (b.file().as_ptr(), b.line(), b.column())
}

/// Returns the last run of a site.
pub(super) fn last_run(site: &Location<'_>) -> Option<Arc<LastRun>> {
    let mut runs = places(site).filter_map(ArcSwapOption::load_full);
    runs.find(|run| is_same(run.site, site))
}

/// Remembers a run of a site; without a statement, that of the run before stays.
pub(super) fn remember(
    site: &'static Location<'static>,
    statement: Option<&Arc<Statement>>,
    acquires: bool,
) {
    let mut free = None;
    for place in places(site) {
        let Some(before) = &*place.load() else {
            free = free.or(Some(place));
            continue;
        };
        if !is_same(before.site, site) {
            continue;
        }
        let statement = statement.or(before.statement.as_ref());
        let same_statement = match (statement, &before.statement) {
            (Some(new), Some(old)) => Arc::ptr_eq(new, old),
            (new, old) => new.is_none() && old.is_none(),
        };
        if !same_statement || before.acquires != acquires {
            store(place, site, statement, acquires);
        }
        return;
    }
    if let Some(place) = free.or_else(|| places(site).next()) {
        store(place, site, statement, acquires);
    }
}

fn store(
    place: &ArcSwapOption<LastRun>,
    site: &'static Location<'static>,
    statement: Option<&Arc<Statement>>,
    acquires: bool,
) {
    let statement = statement.cloned();
    place.store(Some(Arc::new(LastRun {
        site,
        statement,
        acquires,
    })));
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{super::statement::statement, *};

    #[test]
    fn sites_keep_their_last_statement() {
        let site = Location::caller();
        assert!(last_run(site).is_none());
        remember(site, None, true);
        assert!(last_run(site).unwrap().statement.is_none());
        remember(site, Some(&statement("SELECT 1 FROM a")), true);
        remember(site, None, false);
        let run = last_run(site).unwrap();
        assert_eq!(run.statement.as_ref().unwrap().summary.as_ref(), "SELECT a");
        assert!(!run.acquires);
        remember(site, Some(&statement("SELECT 1 FROM b")), false);
        let run = last_run(site).unwrap();
        assert_eq!(run.statement.as_ref().unwrap().summary.as_ref(), "SELECT b");
    }
}
