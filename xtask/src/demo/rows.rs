//! The database rows of an order and of its job.
//!
//! A route of the service returns them (`xtask/demo/show_routes.rs`), so the demo needs no SQLite program.

use anyhow::{Context as _, ensure};
use e2e::service::Service;
use serde_json::{Map, Value};
use support::http::{self, Answer};

use super::story::DEADLINE;

/// The rows as maps from column to value.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) order: Map<String, Value>,
    pub(super) job: Map<String, Value>,
}

impl Rows {
    pub(super) fn fetch(service: &Service, id: i64) -> anyhow::Result<Self> {
        let answer = http::get(&service.url(&path(id)))?;
        parse(&answer).with_context(|| format!("the rows of order {id}: {}", answer.body))
    }

    /// Waits until the order is charged and its job is done.
    pub(super) fn when_done(service: &Service, id: i64) -> anyhow::Result<Self> {
        http::poll(&service.url(&path(id)), &[], DEADLINE, |answer| {
            let is_done = |rows: &Self| {
                text(&rows.order, "charged") == "1" && text(&rows.job, "status") == "Done"
            };
            parse(answer).ok().filter(is_done)
        })
        .context("the order's job is not done")
    }

    /// Checks that both rows are about the order `id` and the trace `trace_id`.
    ///
    /// The job's metadata holds the trace context of the request.
    pub(super) fn check(&self, id: i64, trace_id: &str) -> anyhow::Result<()> {
        let Self { order, job } = self;
        let key = id.to_string();
        let payload: Value = serde_json::from_str(&text(job, "job"))?;
        ensure!(
            text(order, "id") == key
                && text(job, "idempotency_key") == key
                && payload["order_id"] == id,
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

/// A column's value as text; empty for null.
pub(super) fn text(row: &Map<String, Value>, column: &str) -> String {
    match row.get(column) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
