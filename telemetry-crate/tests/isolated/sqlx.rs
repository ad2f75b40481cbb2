//! Tests of counted queries without telemetry, and in unsampled traces.

use std::time::Duration;

use firstlight::{
    TelemetryConfig,
    sqlx::{InstrumentQuery as _, instrument_pool},
    testing::{capture, count_queries},
};
use sqlx::SqlitePool;
use tracing::Instrument as _;

use crate::support::ask;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn queries_count_without_telemetry() {
    let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
    for times in [3, 0, 1] {
        let work = async {
            for _ in 0..times {
                sqlx::query("SELECT 1").execute(&pool).await.unwrap();
            }
        };
        let ((), queries) = count_queries(work).await;
        assert_eq!(queries.texts(), vec!["SELECT ?"; times]);
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn foreign_subscribers_are_rejected() {
    tracing::subscriber::set_global_default(tracing_subscriber::registry()).unwrap();
    let rejected = tokio::spawn(count_queries(async {})).await.unwrap_err();
    let expected = "a tracing subscriber without firstlight's layer";
    assert!(rejected.to_string().contains(expected), "{rejected}");
}

/// Tests the evidence of unsampled queries.
///
/// The second call from a place is recorded with what the first one ran, and then keeps it.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn unsampled_queries_are_recorded() {
    let telemetry = TelemetryConfig::new()
        .log_filter("off")
        .admin_address(([127, 0, 0, 1], 0).into())
        .init()
        .unwrap();
    let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
    let work = async {
        for _ in 0..2 {
            let query = sqlx::query("SELECT 'a' AS letter").execute(&pool);
            query.instrumented().await.unwrap();
        }
    };
    work.instrument(tracing::info_span!("work")).await;
    let address = telemetry.admin_address().unwrap();
    // SQLite's thread may hold the spans for a moment longer.
    let id = loop {
        let list = ask(address, "GET /traces?recent&slow&route=work").body;
        let id = list.split_whitespace().find(|word| word.len() == 32);
        if let Some(id) = id {
            break id.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let trace = ask(address, &format!("GET /traces/{id}")).body;
    for part in [
        "db.query.text=SELECT ? AS letter",
        concat!("code.file.path=", file!()),
    ] {
        assert_eq!(trace.matches(part).count(), 2, "{part} in {trace}");
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn replaced_pools_are_named() {
    let capture = capture();
    let [first, second, third] = [(); 3].map(|()| SqlitePool::connect_lazy("sqlite::memory:"));
    let (first, second, third) = (first.unwrap(), second.unwrap(), third.unwrap());
    let warnings = || {
        let logs = capture.logs();
        let named = logs.iter().filter(|line| {
            line.message
                .starts_with("the metrics of the pool sqlite are now")
        });
        named.count()
    };
    instrument_pool(&first);
    instrument_pool(&first.clone());
    assert_eq!(warnings(), 0);
    instrument_pool(&second);
    assert_eq!(warnings(), 1);
    second.close().await;
    instrument_pool(&third);
    assert_eq!(warnings(), 1);
}
