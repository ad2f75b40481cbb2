//! The rows of an order and of its job, as they are in the database.
//!
//! The service reads them itself (`xtask/demo/show_routes.rs`): a machine that runs the demo need not have a program for SQLite.

use anyhow::{Context as _, ensure};
use e2e::service::Service;
use serde_json::{Map, Value};
use support::http::{self, Answer};

use super::story::SOON;

/// Columns and what is in them.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) order: Map<String, Value>,
    pub(super) job: Map<String, Value>,
}

impl Rows {
    pub(super) fn of(service: &Service, id: i64) -> anyhow::Result<Self> {
        let answer = http::get(&service.url(&path(id)))?;
        parse(&answer).with_context(|| format!("the rows of order {id}: {}", answer.body))
    }

    /// Once the order says that it is charged, and the queue that its job is done.
    pub(super) fn when_done(service: &Service, id: i64) -> anyhow::Result<Self> {
        http::poll(&service.url(&path(id)), &[], SOON, |answer| {
            let is_done = |rows: &Self| {
                text(&rows.order, "charged") == "1" && text(&rows.job, "status") == "Done"
            };
            parse(answer).ok().filter(is_done)
        })
        .context("the order's job is not done")
    }

    /// # Errors
    ///
    /// When a row is about another order, or the job has not been told to go on in the trace of the request.
    pub(super) fn belong_together(&self, id: i64, trace_id: &str) -> anyhow::Result<()> {
        let Self { order, job } = self;
        let key = id.to_string();
        let about: Value = serde_json::from_str(&text(job, "job"))?;
        ensure!(
            text(order, "id") == key
                && text(job, "idempotency_key") == key
                && about["order_id"] == id,
            "found the rows {order:?} and {job:?}, expected both to be about the order {id}"
        );
        ensure!(
            text(job, "metadata").contains(&format!("-{trace_id}-")),
            "found the job {job:?}, expected the trace {trace_id} of its order in its metadata"
        );
        Ok(())
    }
}

fn path(id: i64) -> String {
    format!("/orders/{id}/rows")
}

fn parse(answer: &Answer) -> anyhow::Result<Rows> {
    ensure!(
        answer.status == 200,
        "found {}, expected 200",
        answer.status
    );
    let [order, job] = serde_json::from_str(&answer.body)?;
    Ok(Rows { order, job })
}

/// A column, as a database's shell would print it.
pub(super) fn text(row: &Map<String, Value>, column: &str) -> String {
    match row.get(column) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
