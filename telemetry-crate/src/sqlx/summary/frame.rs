//! Where in a statement the summary is: what of it has been read at this depth of parentheses, and what may come next.

use std::borrow::Cow;

use super::one_of;

/// Words that a name follows at once, or after `INTO` or `TABLE`.
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

/// Words between a query and the next one.
pub(super) const BEFORE_QUERY: [&str; 5] = ["UNION", "INTERSECT", "EXCEPT", "ALL", "DISTINCT"];

/// Words between `EXPLAIN` and its statement.
pub(super) const OF_EXPLAIN: [&str; 4] = ["ANALYZE", "VERBOSE", "QUERY", "PLAN"];

/// A statement, or what is in a parenthesis.
#[derive(Debug, Default)]
pub(super) struct Frame<'a> {
    /// Of the query that is in it; `None` where there are values.
    pub(super) operation: Option<&'a str>,
    pub(super) has_begun: bool,
    pub(super) is_explained: bool,
    /// Whether it is the query of `WITH name AS (…)`, or a list of its columns.
    pub(super) is_body: bool,
    /// The name of a table comes next.
    pub(super) expected: Option<Expected>,
    /// After a comma comes another table.
    pub(super) is_list: bool,
    pub(super) ctes: Ctes,
    /// The name before `AS` whose query is not over yet.
    pub(super) cte: Option<Cow<'a, str>>,
    pub(super) is_recursive: bool,
}

impl Frame<'_> {
    pub(super) fn is_one_of(&self, operations: &[&'static str]) -> bool {
        self.operation
            .is_some_and(|operation| one_of(operation, operations).is_some())
    }
}

/// What the name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// What is read: a table, a query of `WITH`, or a function.
    Source,
    /// What is written, made, removed or called.
    Target,
}

/// Where in a `WITH`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Ctes {
    /// In none, or in the statement that it is for.
    #[default]
    None,
    /// Before a name.
    Name,
    /// Between a name and the next one, or the statement.
    Body,
}
