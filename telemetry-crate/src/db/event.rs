//! The `tracing` events of sqlx, about statements and acquired connections.
//!
//! sqlx has no hooks, and these events are its only output. Their fields are not a documented
//! interface. So an event with missing fields is ignored without an error. The tests run real
//! statements.

use std::{fmt, sync::Arc, time::Duration};

use tracing::{
    Event,
    field::{Field, Visit},
};

use super::statement::{Statement, statement};

/// Target of sqlx's events about connections.
pub(super) const ACQUIRE_TARGET: &str = "sqlx::pool::acquire";

/// A statement that has ended.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) statement: Arc<Statement>,
    pub(super) elapsed: Duration,
    pub(super) rows_returned: u64,
    pub(super) rows_affected: u64,
}

impl Query {
    pub(super) fn from_event(event: &Event<'_>) -> Option<Self> {
        let mut visitor = QueryVisitor::default();
        event.record(&mut visitor);
        Some(Self {
            statement: visitor.statement?,
            elapsed: Duration::try_from_secs_f64(visitor.seconds?).ok()?,
            rows_returned: visitor.rows_returned,
            rows_affected: visitor.rows_affected,
        })
    }

    /// Returns whether sqlx considers the statement slow.
    pub(super) fn is_slow(event: &tracing::Metadata<'_>) -> bool {
        event.fields().field("slow_threshold").is_some()
    }
}

#[derive(Default)]
struct QueryVisitor {
    statement: Option<Arc<Statement>>,
    seconds: Option<f64>,
    rows_returned: u64,
    rows_affected: u64,
}

/// End of sqlx's summary if it is shorter than the statement.
const TRUNCATION_MARK: &str = " …";

impl Visit for QueryVisitor {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            // The summary has at most four words. A statement of at most four words is only in this
            // field.
            "summary" if !value.ends_with(TRUNCATION_MARK) => {
                self.statement = Some(statement(value));
            }
            "db.statement" if !value.is_empty() => {
                self.statement = Some(statement(value.trim_matches('\n')));
            }
            _ => {}
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "rows_returned" => self.rows_returned = value,
            "rows_affected" => self.rows_affected = value,
            _ => {}
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "elapsed_secs" {
            self.seconds = Some(value);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

/// A connection that was acquired.
#[derive(Debug, Default)]
pub(super) struct Acquired {
    pub(super) seconds: Option<f64>,
    /// Whether sqlx reports this acquire because it was slow.
    pub(super) is_slow: bool,
}

impl Acquired {
    pub(super) fn from_event(event: &Event<'_>) -> Self {
        let mut acquired = Self::default();
        event.record(&mut acquired);
        acquired
    }
}

impl Visit for Acquired {
    fn record_f64(&mut self, field: &Field, value: f64) {
        match field.name() {
            // sqlx 0.8 spells it without a `c`.
            "acquired_after_secs" | "aquired_after_secs" => self.seconds = Some(value),
            "slow_acquire_threshold_secs" => self.is_slow = true,
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
