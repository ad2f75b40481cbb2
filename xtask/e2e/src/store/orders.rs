//! Places orders as a client of the example.

use anyhow::{Context as _, ensure};
use support::http::{self, Answer};

use crate::service::Service;

/// An item whose charge succeeds at once.
pub(super) const TELESCOPE: &str = "telescope";
/// An item whose charge takes two seconds.
pub(super) const SLOW: &str = "slow";
/// An item that the bank charges at once, with an answer after two seconds.
pub(super) const UNANSWERED: &str = "unanswered";
/// An item whose charge aborts the process.
pub(super) const FATAL: &str = "fatal";
/// An item whose charge fails permanently.
pub(super) const DECLINED: &str = "declined";

/// Sends an order and returns the answer, whatever its status.
pub(super) fn send(
    service: &Service,
    item: &str,
    headers: &[(&str, &str)],
) -> anyhow::Result<Answer> {
    let mut all = vec![("content-type", "application/json")];
    all.extend(headers);
    let order = format!(r#"{{"item":"{item}","quantity":2}}"#);
    http::send("POST", &service.url("/orders"), &all, &order)
}

/// Sends an order that must be accepted and returns its id.
pub(super) fn place(service: &Service, item: &str) -> anyhow::Result<i64> {
    accepted(&send(service, item, &[])?)
}

/// The id of an accepted order.
pub(super) fn accepted(answer: &Answer) -> anyhow::Result<i64> {
    ensure!(
        answer.status == 202,
        "an order: found {}, expected 202: {}",
        answer.status,
        answer.body
    );
    let body: serde_json::Value = serde_json::from_str(&answer.body)
        .with_context(|| format!("an order's answer: found {:?}, expected JSON", answer.body))?;
    body["id"]
        .as_i64()
        .with_context(|| format!("an order's answer has no id: {}", answer.body))
}
