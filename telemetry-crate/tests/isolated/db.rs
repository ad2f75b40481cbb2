//! Tests of what the process has once: the described database, and pools.

use std::{
    future::pending,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use firstlight::{
    TelemetryConfig,
    db::{self, Connections},
    testing::capture,
};
use tracing::{Instrument as _, Level};

use crate::support::ask;

/// Emits the event of sqlx about a statement, inside a span.
fn statement(sql: &str) {
    tracing::info_span!("work").in_scope(|| {
        tracing::event!(
            target: "sqlx::query",
            Level::DEBUG,
            summary = sql,
            db.statement = "",
            rows_affected = 0_u64,
            rows_returned = 1_u64,
            elapsed_secs = 0.001,
        );
    });
}

pub(crate) fn described_databases_are_named() {
    let capture = capture();
    assert!(db::describe("postgres://ada:hunter2@db/orders"));
    assert!(!db::describe("orders"));
    statement("SELECT 1");
    let found = capture.assert_span("SELECT");
    found
        .with("db.system.name", "postgresql")
        .with("db.namespace", "orders")
        .with("server.address", "db")
        .with("server.port", 5432);
    assert!(!format!("{:?}", capture.spans()).contains("hunter2"));
    assert!(db::describe("postgres://db/users"));
    statement("DELETE FROM users");
    let found = capture.assert_span("DELETE users");
    found
        .with("db.system.name", "postgresql")
        .without("db.namespace");
}

pub(crate) fn foreign_pools_have_gauges() {
    let telemetry = TelemetryConfig::new()
        .log_filter("off")
        .admin_address(([127, 0, 0, 1], 0).into())
        .init()
        .unwrap();
    let address = telemetry.admin_address().unwrap();
    let is_closed = Arc::new(AtomicBool::new(false));
    let closed = Arc::clone(&is_closed);
    db::instrument_pool("orders", move || {
        (!closed.load(Ordering::Relaxed)).then_some(Connections {
            idle: 1,
            used: 3,
            max: 4,
        })
    });
    db::instrument_pool("broken", || panic!("of the program"));
    let exposition = || ask(address, "GET /metrics").body;
    let pool = "db_client_connection_pool_name=\"orders\"";
    let found = exposition();
    for sample in [
        format!("db_client_connection_count{{{pool},db_client_connection_state=\"used\"}} 3"),
        format!("db_client_connection_limit{{{pool}}} 4"),
    ] {
        assert!(found.contains(&sample), "{sample} in {found}");
    }
    assert!(!found.contains("broken"), "{found}");
    let shown = ask(address, "GET /traces").body;
    assert!(shown.contains("pool orders 3 of 4 used"), "{shown}");
    is_closed.store(true, Ordering::Relaxed);
    assert!(!exposition().contains(pool));
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn open_calls_are_at_traces() {
    let telemetry = TelemetryConfig::new()
        .log_filter("off")
        .admin_address(([127, 0, 0, 1], 0).into())
        .init()
        .unwrap();
    let calls = db::client("redis").server("cache", 6379);
    let work = async move {
        let call = calls.call("BLPOP", pending::<io::Result<()>>());
        let _ = call.collection("jobs").await;
    };
    let work = tokio::spawn(work.instrument(tracing::info_span!("work")));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let address = telemetry.admin_address().unwrap();
    let open = tokio::task::spawn_blocking(move || ask(address, "GET /traces").body);
    let open = open.await.unwrap();
    work.abort();
    assert!(open.contains("BLPOP jobs"), "{open}");
}
