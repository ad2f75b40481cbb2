//! Attributes of a statement's span.
//!
//! Names follow the semantic conventions for
//! [database spans](https://opentelemetry.io/docs/specs/semconv/db/database-spans/) (stable) and
//! [SQL](https://opentelemetry.io/docs/specs/semconv/db/sql/). Two attributes are not stable: the
//! number of returned rows is in development, and the number of affected rows has no convention
//! yet.

use std::{borrow::Cow, panic::Location, sync::Arc};

use opentelemetry::{KeyValue, Value};

use super::{
    event::Query,
    server::{Server, common_attributes},
    statement::Statement,
};

/// Returns the span's name: the summary, or the system's name without one.
pub(super) fn span_name(statement: &Statement, of_client: Option<&Server>) -> Cow<'static, str> {
    match &*statement.summary {
        "" => match of_client {
            Some(server) => Cow::Borrowed(server.system),
            None => Cow::Borrowed(common_attributes().server.system),
        },
        summary => Cow::Owned(summary.to_owned()),
    }
}

/// Returns the attributes of a call site, for the flight recorder.
pub(crate) fn site_attributes(site: &'static Location<'static>) -> [KeyValue; 2] {
    [
        KeyValue::new("code.file.path", site.file()),
        KeyValue::new("code.line.number", i64::from(site.line())),
    ]
}

/// Returns whether an attribute is one that every statement has.
///
/// Those are the attributes that the flight recorder assumes before a statement is known.
pub(super) fn is_assumed(attribute: &KeyValue) -> bool {
    matches!(
        attribute.key.as_str(),
        "db.system.name"
            | "db.namespace"
            | "server.address"
            | "server.port"
            | "db.query.summary"
            | "db.query.text"
    )
}

/// The value of an attribute of a statement.
#[derive(Debug, Clone, Copy)]
pub(super) enum AttributeValue<'a> {
    Word(&'static str),
    Text(&'a Arc<str>),
    Number(i64),
}

impl From<AttributeValue<'_>> for Value {
    fn from(value: AttributeValue<'_>) -> Self {
        match value {
            AttributeValue::Word(word) => word.into(),
            AttributeValue::Text(text) => Arc::clone(text).into(),
            AttributeValue::Number(number) => number.into(),
        }
    }
}

/// Returns the attributes of a statement, and of its result if sqlx reported one.
///
/// `of_client` is the server of a client's call. The server of sqlx's statements is that of the instrumented pools.
pub(super) fn statement_attributes(
    statement: &Statement,
    of_client: Option<&Server>,
    query: Option<&Query>,
) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(10);
    let mut add = |key, value: AttributeValue<'_>| attributes.push(KeyValue::new(key, value));
    match of_client {
        Some(server) => server.visit(server.system, &mut add),
        None => {
            let server = &common_attributes().server;
            server.visit(statement.system(server.system), &mut add);
        }
    }
    visit_statement(statement, &mut add);
    if let Some(query) = query {
        visit_rows(statement, query, &mut add);
    }
    attributes
}

/// Visits the attributes that all runs of a statement have.
///
/// The attributes of the server are not among them.
pub(super) fn visit_statement(
    statement: &Statement,
    visit: &mut impl FnMut(&'static str, AttributeValue<'_>),
) {
    if !statement.operation.is_empty() {
        visit(
            "db.operation.name",
            AttributeValue::Text(&statement.operation),
        );
    }
    if let Some(collection) = &statement.collection {
        visit("db.collection.name", AttributeValue::Text(collection));
    }
    visit("db.query.summary", AttributeValue::Text(&statement.summary));
    if !statement.text.is_empty() {
        visit("db.query.text", AttributeValue::Text(&statement.text));
    }
}

/// Visits the attributes of a statement's result.
pub(super) fn visit_rows(
    statement: &Statement,
    query: &Query,
    visit: &mut impl FnMut(&'static str, AttributeValue<'_>),
) {
    let rows = |rows: u64| AttributeValue::Number(i64::try_from(rows).unwrap_or(i64::MAX));
    visit("db.response.returned_rows", rows(query.rows_returned));
    // For a statement that writes, 0 affected rows are informative: no row matched.
    let writes = ["INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"];
    if query.rows_affected > 0 || writes.contains(&&*statement.operation) {
        visit("sql.affected_rows", rows(query.rows_affected));
    }
}
