//! The statements of one unit of work.
//!
//! A unit of work is an HTTP request, a gRPC call, a job, a scheduled run, or anything else with
//! its own root span. The statements are stored in that span from the first one on, and evaluated
//! when the span ends. A request that runs the same statement for each row of a list is reported
//! here, because it is fast with ten rows and an outage with ten thousand.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use opentelemetry::{Context, KeyValue, trace::TraceContextExt};

use super::statement::Statement;

/// Maximum number of different statements in one unit, which take some 5 KB.
///
/// Further statements only count toward the total.
const MAX_STATEMENTS: usize = 64;

/// Number of open units; while it is 0, ends of spans need no work.
static OPEN_UNITS: AtomicUsize = AtomicUsize::new(0);

/// The origin of a statement, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct CallSite {
    /// The innermost span's name, which is the function's name with `#[instrument]`.
    pub(super) function: Option<&'static str>,
    pub(super) file: Option<&'static str>,
    pub(super) line: Option<u32>,
}

/// A statement with the number of its runs.
#[derive(Debug, Clone)]
pub(super) struct Repeat {
    pub(super) statement: Arc<Statement>,
    pub(super) count: u32,
    /// The origin of its first run.
    pub(super) site: CallSite,
}

/// The statements of one unit of work, in the extensions of its span.
#[derive(Debug)]
pub(super) struct UnitOfWork {
    queries: u32,
    repeats: Vec<Repeat>,
    /// Context of the unit's span; empty if the span is outside any trace.
    context: Context,
    was_reported: bool,
}

impl UnitOfWork {
    /// Returns whether any unit is open.
    pub(super) fn is_any_open() -> bool {
        OPEN_UNITS.load(Ordering::Relaxed) > 0
    }

    pub(super) fn new(context: Context) -> Self {
        OPEN_UNITS.fetch_add(1, Ordering::Relaxed);
        Self {
            queries: 0,
            repeats: Vec::new(),
            context,
            was_reported: false,
        }
    }

    /// Counts a run of the statement.
    ///
    /// From the `limit`th run on, the unit's span is marked at once, because it may end at any
    /// time.
    pub(super) fn add(
        &mut self,
        statement: &Arc<Statement>,
        limit: Option<u32>,
        site: impl FnOnce() -> CallSite,
    ) {
        self.queries = self.queries.saturating_add(1);
        let repeat = self.repeats.iter_mut();
        let repeat = repeat
            .rev()
            .find(|repeat| repeat.statement.is_same(statement));
        let count = match repeat {
            Some(repeat) => {
                repeat.count = repeat.count.saturating_add(1);
                repeat.count
            }
            None => {
                if self.repeats.len() < MAX_STATEMENTS {
                    self.repeats.push(Repeat {
                        statement: Arc::clone(statement),
                        count: 1,
                        site: site(),
                    });
                }
                1
            }
        };
        let is_worst = || self.repeats.iter().all(|repeat| repeat.count <= count);
        if limit.is_some_and(|limit| count >= limit) && is_worst() {
            // There is no convention for these attributes. They are set one by one, because the method for several ignores a
            // span that is not exported.
            let span = self.context.span();
            let summary = statement.summary.clone();
            span.set_attribute(KeyValue::new("sql.n_plus_one.summary", summary));
            span.set_attribute(KeyValue::new("sql.n_plus_one.count", i64::from(count)));
        }
    }

    pub(super) fn queries(&self) -> u32 {
        self.queries
    }

    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// Returns the statements that ran at least `limit` times, most frequent first.
    ///
    /// A second call after a non-empty result returns nothing.
    pub(super) fn take_repeated(&mut self, limit: u32) -> Vec<Repeat> {
        if self.was_reported {
            return Vec::new();
        }
        let repeated = self.repeats.iter().filter(|repeat| repeat.count >= limit);
        let mut repeated: Vec<_> = repeated.cloned().collect();
        repeated.sort_by_key(|repeat| std::cmp::Reverse(repeat.count));
        self.was_reported = !repeated.is_empty();
        repeated
    }
}

impl Drop for UnitOfWork {
    fn drop(&mut self) {
        OPEN_UNITS.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::Context;

    use super::{CallSite, MAX_STATEMENTS, UnitOfWork};
    use crate::db::statement::statement;

    #[test]
    fn repeats_are_listed_worst_first() {
        let mut unit = UnitOfWork::new(Context::new());
        let site = CallSite {
            function: Some("load"),
            ..CallSite::default()
        };
        for number in 0..30 {
            // Values in the text do not make statements different.
            let item = statement(&format!("SELECT * FROM items WHERE id = {number}"));
            unit.add(&item, Some(10), || site);
            if number < 10 {
                let user = statement("SELECT * FROM users WHERE id = $1");
                unit.add(&user, None, CallSite::default);
            }
        }
        assert_eq!(unit.queries(), 40);
        assert!(unit.take_repeated(31).is_empty());
        let repeated = unit.take_repeated(10);
        let named: Vec<_> = (repeated.iter())
            .map(|repeat| (&*repeat.statement.summary, repeat.count))
            .collect();
        assert_eq!(named, [("SELECT items", 30), ("SELECT users", 10)]);
        assert_eq!(repeated[0].site, site);
        assert!(unit.take_repeated(10).is_empty());
    }

    #[test]
    fn units_are_bounded() {
        let mut unit = UnitOfWork::new(Context::new());
        for number in 0..1_000 {
            let other = statement(&format!("SELECT * FROM t{number}"));
            unit.add(&other, Some(10), CallSite::default);
        }
        assert_eq!(unit.queries(), 1_000);
        assert_eq!(unit.repeats.len(), MAX_STATEMENTS);
    }
}
