//! Parser state at one depth of parentheses: what was read, and what may follow.

use std::borrow::Cow;

use super::one_of;

/// Words that a name follows, either directly or after `INTO` or `TABLE`.
pub(super) const BEFORE_TARGET: [&str; 9] = [
    "UPDATE", "TRUNCATE", "LOCK", "COPY", "TABLE", "CALL", "EXEC", "EXECUTE", "MERGE",
];

/// Words that end the list of tables after `FROM`.
pub(super) const AFTER_SOURCES: [&str; 14] = [
    "WHERE",
    "GROUP",
    "HAVING",
    "WINDOW",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "FETCH",
    "FOR",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "SET",
    "RETURNING",
];

/// Words between a query and the next query.
pub(super) const BEFORE_QUERY: [&str; 5] = ["UNION", "INTERSECT", "EXCEPT", "ALL", "DISTINCT"];

/// Words between `EXPLAIN` and its statement.
pub(super) const EXPLAIN_OPTIONS: [&str; 4] = ["ANALYZE", "VERBOSE", "QUERY", "PLAN"];

/// The state of a statement, or of the content of a parenthesis.
#[derive(Debug, Default)]
pub(super) struct Frame<'a> {
    /// The operation of the query inside.
    ///
    /// `None` without a query, as in a list of values.
    pub(super) operation: Option<&'a str>,
    /// Whether a token was read; `EXPLAIN` and its options do not count.
    pub(super) has_begun: bool,
    /// Whether `EXPLAIN` was read.
    pub(super) is_explained: bool,
    /// Whether this is the parenthesis of the query or of the columns in a `WITH`.
    pub(super) is_body: bool,
    /// Whether the name of a table comes next.
    pub(super) expected: Option<Expected>,
    /// Whether another table follows a comma.
    pub(super) is_list: bool,
    pub(super) ctes: Ctes,
    /// The name before `AS` whose query has not ended yet.
    pub(super) cte: Option<Cow<'a, str>>,
    pub(super) is_recursive: bool,
}

impl Frame<'_> {
    pub(super) fn is_one_of(&self, operations: &[&'static str]) -> bool {
        self.operation
            .is_some_and(|operation| one_of(operation, operations).is_some())
    }
}

/// The role of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// Read from: a table, a query of `WITH`, or a function.
    Source,
    /// Written, created, removed or called.
    Target,
}

/// Position in a `WITH`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Ctes {
    /// Outside a `WITH`, or in the statement after it.
    #[default]
    None,
    /// Before a name.
    Name,
    /// Between a name and the next one, or the statement.
    Body,
}
