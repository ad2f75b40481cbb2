//! Attributes of a statement's span.
//!
//! Names follow the semantic conventions for
//! [database spans](https://opentelemetry.io/docs/specs/semconv/db/database-spans/) (stable) and
//! [SQL](https://opentelemetry.io/docs/specs/semconv/db/sql/). Two attributes are not stable: the
//! number of returned rows is in development, and the number of affected rows has no convention
//! yet.

use std::panic::Location;

use opentelemetry::KeyValue;

use super::{
    event::Query,
    server::{Server, common_attributes},
    statement::Statement,
};

/// Returns the span's name: the summary, or the system's name without one.
pub(super) fn span_name(statement: &Statement, of_client: Option<&Server>) -> String {
    match &*statement.summary {
        "" => match of_client {
            Some(server) => server.system.to_owned(),
            None => common_attributes().server.system.to_owned(),
        },
        summary => summary.to_owned(),
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

/// Returns the attributes of a statement, and of its result if sqlx reported one.
///
/// `of_client` is the server of a client's call. The server of sqlx's statements is that of the instrumented pools.
pub(super) fn statement_attributes(
    statement: &Statement,
    of_client: Option<&Server>,
    query: Option<&Query>,
) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(10);
    match of_client {
        Some(server) => attributes.extend(server.attributes(server.system)),
        None => {
            let server = &common_attributes().server;
            attributes.extend(server.attributes(statement.system(server.system)));
        }
    }
    if !statement.operation.is_empty() {
        let operation = statement.operation.clone();
        attributes.push(KeyValue::new("db.operation.name", operation));
    }
    if let Some(collection) = statement.collection.clone() {
        attributes.push(KeyValue::new("db.collection.name", collection));
    }
    attributes.push(KeyValue::new("db.query.summary", statement.summary.clone()));
    if !statement.text.is_empty() {
        attributes.push(KeyValue::new("db.query.text", statement.text.clone()));
    }
    if let Some(query) = query {
        let rows = |name, rows: u64| {
            let rows = i64::try_from(rows).unwrap_or(i64::MAX);
            KeyValue::new(name, rows)
        };
        attributes.push(rows("db.response.returned_rows", query.rows_returned));
        // For a statement that writes, 0 affected rows are informative: no row matched.
        let writes = ["INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"];
        if query.rows_affected > 0 || writes.contains(&&*statement.operation) {
            attributes.push(rows("sql.affected_rows", query.rows_affected));
        }
    }
    attributes
}
