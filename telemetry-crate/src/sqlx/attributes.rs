//! What a statement's span says.
//!
//! [Database spans](https://opentelemetry.io/docs/specs/semconv/db/database-spans/), stable, and
//! [for SQL](https://opentelemetry.io/docs/specs/semconv/db/sql/). Two of them are not: the number of rows returned is in
//! development, and rows affected have no convention yet.

use opentelemetry::KeyValue;

use super::{event::Query, server::known, statement::Statement};

/// The conventions: the summary, and the system's name where there is none.
pub(super) fn name(statement: &Statement) -> String {
    match &*statement.summary {
        "" => known().server.system.to_owned(),
        summary => summary.to_owned(),
    }
}

pub(super) fn of(statement: &Statement, query: Option<&Query>) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(10);
    let server = &known().server;
    let system = statement.system(server.system);
    attributes.extend(server.attributes(system));
    if !statement.operation.is_empty() {
        let operation = statement.operation.clone();
        attributes.push(KeyValue::new("db.operation.name", operation));
    }
    if let Some(collection) = statement.collection.clone() {
        attributes.push(KeyValue::new("db.collection.name", collection));
    }
    attributes.push(KeyValue::new("db.query.summary", statement.summary.clone()));
    attributes.push(KeyValue::new("db.query.text", statement.text.clone()));
    if let Some(query) = query {
        let rows = |name, rows: u64| {
            let rows = i64::try_from(rows).unwrap_or(i64::MAX);
            KeyValue::new(name, rows)
        };
        attributes.push(rows("db.response.returned_rows", query.rows_returned));
        // Of a statement that may change some, none is news: the row was not there.
        let writes = ["INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"];
        if query.rows_affected > 0 || writes.contains(&&*statement.operation) {
            attributes.push(rows("sql.affected_rows", query.rows_affected));
        }
    }
    attributes
}
