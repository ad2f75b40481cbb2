//! Tests of the rules about what happens at the moment: polls and connections.

use std::time::Duration;

use opentelemetry::trace::{SpanId, TraceId};

use super::{Evidence, Finding, Label, Severity, apply, healthy, ready};
use crate::{
    admin::recent::{PoolState, User},
    catalog,
    collector::Samples as _,
    recorder::SpanPlace,
    runtime::LongPoll,
};

const POOL: Label = ("db_client_connection_pool_name", "orders");

/// The only finding, if there is one.
fn found(evidence: &Evidence<'_>) -> Option<Finding> {
    let (mut findings, _) = apply(evidence);
    assert!(findings.len() < 2, "{findings:#?}");
    findings.pop()
}

fn poll(root_name: &str, seconds: u64) -> LongPoll {
    LongPoll {
        place: SpanPlace {
            trace_id: TraceId::from(7),
            root: SpanId::from(8),
            root_name: root_name.to_owned(),
            span_name: Some("render".to_owned()),
        },
        lasts: Duration::from_secs(seconds),
    }
}

#[test]
fn single_blocked_workers_are_found() {
    let readiness = ready();
    let mut evidence = healthy(&readiness);
    let stalled = &catalog::TOKIO_SCHEDULER_STALLED;
    evidence.samples.sample(stalled, &[], 0.0);
    evidence.live.polls = vec![poll("GET /report", 2)];
    assert_eq!(found(&evidence), None);

    evidence.live.polls.insert(0, poll("GET /report", 12));
    let blocked = found(&evidence).unwrap_or_else(|| Finding::new(Severity::Note, String::new()));
    assert_eq!(blocked.severity, Severity::Warning);
    assert_eq!(
        blocked.what,
        "1 worker has been in one poll for more than 3.0 s"
    );
    let line =
        "GET /report has been polled in render for 12.0 s (trace 00000000000000000000000000000007)";
    assert_eq!(blocked.evidence, [line]);
    assert_eq!(blocked.next, "/traces?open");
    assert_eq!(blocked.runbook, Some("RuntimeSchedulerDelay"));
}

fn user(root: u64, holds: bool, milliseconds: u64) -> User {
    User {
        trace_id: None,
        root: Some(SpanId::from(root)),
        root_name: "GET /orders".to_owned(),
        holds,
        is_assumed: false,
        lasts: milliseconds * 1_000_000,
        what: "query".to_owned(),
    }
}

/// The severity of the finding about a pool with one connection, which is used.
fn severity(users: Option<Vec<User>>, unseen: u32) -> Option<Severity> {
    let readiness = ready();
    let mut evidence = healthy(&readiness);
    let used = [POOL, ("db_client_connection_state", "used")];
    let (limit, count) = (
        &catalog::DB_CLIENT_CONNECTION_LIMIT,
        &catalog::DB_CLIENT_CONNECTION_COUNT,
    );
    evidence.samples.sample(limit, &[POOL], 1.0);
    evidence.samples.sample(count, &used, 1.0);
    let pool = users.map(|users| PoolState {
        name: Some("orders".to_owned()),
        used: 1,
        max: 1,
        users,
        unseen,
        possible: Vec::new(),
    });
    evidence.live.pools.extend(pool);
    let found = found(&evidence);
    if let Some(found) = &found {
        assert_eq!(found.runbook, Some("DatabasePoolExhausted"));
        assert!(found.what.contains("1 of 1 connections are used"));
    }
    found.map(|found| found.severity)
}

#[test]
fn full_pools_need_waits_to_be_broken() {
    let holder = || user(1, true, 2_900);
    // A pool of one connection is full whenever it is used.
    assert_eq!(severity(Some(vec![holder()]), 0), None);
    let long = vec![user(1, true, 3_000)];
    assert_eq!(severity(Some(long), 0), Some(Severity::Warning));
    assert_eq!(severity(Some(vec![holder(), user(2, false, 20)]), 0), None);
    let waits = vec![holder(), user(2, false, 1_200)];
    assert_eq!(severity(Some(waits), 0), Some(Severity::Broken));
    // A transaction that waits for a second connection.
    let deadlock = vec![holder(), user(1, false, 1_200)];
    assert_eq!(severity(Some(deadlock), 0), Some(Severity::Broken));
}

#[test]
fn calls_in_a_transaction_do_not_wait() {
    let query = |root| User {
        is_assumed: true,
        ..user(root, false, 1_500)
    };
    let holder = user(1, true, 2_000);
    assert_eq!(severity(Some(vec![holder.clone(), query(1)]), 0), None);
    let waits = vec![holder, query(2)];
    assert_eq!(severity(Some(waits), 0), Some(Severity::Broken));
}

#[test]
fn pools_with_unseen_waits_are_a_note() {
    assert_eq!(severity(Some(Vec::new()), 1), Some(Severity::Note));
    let long = vec![user(1, true, 3_000)];
    assert_eq!(severity(Some(long), 1), Some(Severity::Warning));
    // Without a flight recorder.
    assert_eq!(severity(None, 0), Some(Severity::Note));
}
