//! Tests of the wrapper of a client's calls.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{future::pending, io, time::Duration};

use tracing::Instrument as _;

use super::{Client, client};
use crate::{
    TelemetryConfig,
    testing::{Capture, CapturedLine, capture},
};

const SAMPLES: &str = "db_client_operation_duration_seconds";

/// An error without any trait.
struct WrongType(Option<&'static str>);

fn redis() -> Client {
    let code = |error: &WrongType| error.0.map(str::to_owned);
    client("redis")
        .url("redis://:hunter2@cache:6379/0")
        .status_code(code)
}

fn failing(code: Option<&'static str>) -> impl Future<Output = Result<(), WrongType>> {
    std::future::ready(Err(WrongType(code)))
}

/// The only log line that begins with this text.
fn line(capture: &Capture, start: &str) -> CapturedLine {
    let mut lines = capture.logs();
    lines.retain(|line| line.message.starts_with(start));
    assert_eq!(lines.len(), 1, "{start}");
    lines.remove(0)
}

#[test]
fn commands_have_names_and_peers() {
    let capture = capture();
    let calls = redis();
    let found = capture.block_on(async {
        let found = calls.call("GET", async { Ok::<_, WrongType>(7) });
        found.collection("orders").await
    });
    assert_eq!(found.ok(), Some(7));
    capture
        .assert_span("GET orders")
        .with("db.system.name", "redis")
        .with("db.namespace", "0")
        .with("db.operation.name", "GET")
        .with("db.collection.name", "orders")
        .with("server.address", "cache")
        .with("server.port", 6379)
        .without("db.query.text")
        .without("error.type")
        .once();
    let span = &capture.spans()[0];
    assert_eq!((span.kind, span.status), ("client", "unset"));
    assert!(!format!("{span:?}").contains("hunter2"));
    let labels = [
        ("db_system_name", "redis"),
        ("db_operation_name", "GET"),
        ("db_collection_name", "orders"),
        ("db_query_summary", "GET orders"),
    ];
    assert_eq!(
        capture.histogram(SAMPLES, labels).map(|it| it.count),
        Some(1)
    );
}

#[test]
fn queries_hide_their_values() {
    let capture = capture();
    let calls = client("postgresql").server("db", 5432).namespace("shop");
    let sql = "SELECT * FROM orders WHERE item = 'secret' AND \"price\" > 7";
    let query = |collection| {
        let query = calls.query(sql, async { io::Result::Ok(()) });
        match collection {
            Some(name) => query.collection(name),
            None => query,
        }
    };
    capture.block_on(async {
        query(None).await.unwrap();
        query(Some("archive")).await.unwrap();
    });
    for collection in ["orders", "archive"] {
        let spans = capture.spans();
        let mut spans = spans.iter();
        let span = spans.find(|it| it.attributes["db.collection.name"] == collection);
        let span = span.unwrap();
        assert_eq!(span.name, "SELECT orders");
        assert_eq!(
            span.attributes["db.query.text"],
            "SELECT * FROM orders WHERE item = ? AND \"price\" > ?"
        );
        assert_eq!(span.attributes["db.query.summary"], "SELECT orders");
    }
}

#[test]
fn failures_have_codes_or_types() {
    let capture = capture();
    let calls = redis().status_code(|_: &io::Error| panic!("of the program"));
    capture.block_on(async {
        assert!(
            calls
                .call("LPUSH", failing(Some("WRONGTYPE")))
                .await
                .is_err()
        );
        assert!(calls.call("RPUSH", failing(None)).await.is_err());
        let refused = async { io::Result::<()>::Err(io::ErrorKind::ConnectionRefused.into()) };
        assert!(calls.call("PING", refused).await.is_err());
    });
    let code = "db.response.status_code";
    let found = capture.assert_span("LPUSH").with(code, "WRONGTYPE");
    found.with("error.type", "WRONGTYPE").once();
    let found = capture.assert_span("RPUSH").without(code);
    found.with("error.type", std::any::type_name::<WrongType>());
    let found = capture.assert_span("PING").without(code);
    found.with("error.type", "connection_refused");
    assert!(capture.spans().iter().all(|span| span.status == "error"));
    let labels = [
        ("db_system_name", "redis"),
        ("db_operation_name", "LPUSH"),
        ("db_query_summary", "LPUSH"),
        ("db_response_status_code", "WRONGTYPE"),
        ("error_type", "WRONGTYPE"),
    ];
    assert_eq!(
        capture.histogram(SAMPLES, labels).map(|it| it.count),
        Some(1)
    );
}

#[test]
fn dropped_calls_are_marked() {
    let capture = capture();
    let calls = redis();
    capture.block_on(async {
        // Without a poll there is no call.
        drop(calls.call("GET", pending::<Result<(), WrongType>>()));
        let call = calls.call("BLPOP", pending::<Result<(), WrongType>>());
        let limit = Duration::from_millis(5);
        assert!(tokio::time::timeout(limit, call).await.is_err());
    });
    let found = capture.assert_span("BLPOP").once();
    found.with("sql.query.outcome", "dropped");
    assert_eq!(capture.spans().len(), 1);
}

#[test]
fn panics_pass_and_end_the_span() {
    let capture = capture();
    let calls = redis();
    let panicking = async {
        let call = calls.call("EVAL", async {
            if true {
                panic!("of the client");
            }
            Ok::<(), WrongType>(())
        });
        call.await
    };
    let panicking = std::panic::AssertUnwindSafe(|| capture.block_on(panicking));
    assert!(std::panic::catch_unwind(panicking).is_err());
    let found = capture.assert_span("EVAL").once();
    found.with("sql.query.outcome", "dropped");
}

#[test]
fn repeated_queries_are_an_n_plus_one() {
    let capture = capture();
    let calls = client("postgresql");
    capture.block_on(async {
        let work = async {
            for id in 0..12 {
                let sql = format!("SELECT * FROM items WHERE id = {id}");
                let item = calls.query(&sql, async { io::Result::Ok(()) });
                item.await.unwrap();
                let cached = redis().call("GET", failing(None));
                assert!(cached.await.is_err());
            }
        };
        work.instrument(tracing::info_span!("work")).await;
        // Outside of any span, a query belongs to no unit.
        let alone = calls.query("SELECT 1", async { io::Result::Ok(()) });
        alone.await.unwrap();
    });
    let line = line(
        &capture,
        "N+1: SELECT items ran 12 times in one unit of work",
    );
    assert_eq!(line.fields["code.file.path"], file!());
    assert_eq!(line.fields["sql.queries"], "12");
    let labels = [("span_name", "work")];
    let units = capture.histogram("sql_queries_per_request", labels);
    assert_eq!(units.map(|it| (it.count, it.sum)), Some((1, 12.0)));
}

#[test]
fn slow_calls_are_warned_about() {
    let config = TelemetryConfig::new().slow_query(Duration::from_millis(20));
    let capture = Capture::start(config).unwrap();
    let calls = redis();
    capture.block_on(async {
        let slow = async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            Ok::<_, WrongType>(())
        };
        assert!(calls.call("KEYS", slow).await.is_ok());
        let fast = async { Ok::<_, WrongType>(()) };
        assert!(calls.call("GET", fast).await.is_ok());
    });
    let line = line(&capture, "slow query: KEYS took ");
    assert_eq!(line.fields["db.query.summary"], "KEYS");
    let spans = capture.spans();
    let span = spans.iter().find(|span| span.name == "KEYS").unwrap();
    assert_eq!(line.span_id, span.span_id);
}

#[test]
fn statements_of_sqlx_are_part_of_calls() {
    let capture = capture();
    let calls = client("postgresql");
    let sql = "INSERT INTO orders (id) VALUES (1)";
    let insert = || {
        calls.query(sql, async {
            // The first one is of a connection that opens.
            for sql in ["PRAGMA foreign_keys = ON", sql] {
                tracing::event!(
                    target: "sqlx::query",
                    tracing::Level::DEBUG,
                    summary = sql,
                    db.statement = sql,
                    rows_affected = 3_u64,
                    rows_returned = 0_u64,
                    elapsed_secs = 0.001,
                );
            }
            Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionReset))
        })
    };
    let work = async {
        assert!(insert().await.is_err());
    };
    capture.block_on(work.instrument(tracing::info_span!("work")));
    let found = capture.assert_span("INSERT orders").once();
    found
        .with("sql.affected_rows", 3)
        .with("error.type", "connection_reset");
    capture.assert_span("PRAGMA").once();
    let units = capture.histogram("sql_queries_per_request", [("span_name", "work")]);
    assert_eq!(units.map(|it| it.sum), Some(1.0));
    let samples = capture.histogram(SAMPLES, [("db_query_summary", "INSERT orders")]);
    assert_eq!(samples.map(|it| it.count), Some(1));
}
