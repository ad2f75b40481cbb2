//! Requests whose handlers open spans, log, or run queries.

use std::time::Duration;

use anyhow::Context as _;
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{Request, StatusCode},
    routing::get,
};
use firstlight::{TelemetryGuard, http::TelemetryLayer, sqlx::InstrumentQuery as _};
use http_body_util::BodyExt as _;
use sqlx::{Sqlite, SqlitePool, pool::PoolOptions};
use tower_service::Service as _;

use crate::flush;

/// How often each request does what is measured.
const REPEATED: u32 = 10;

/// Requests between two flushes; their spans fit into the queue.
const REQUESTS_PER_FLUSH: u32 = 50;

/// Two statements in turns.
///
/// One that repeats ten times would be reported as an N+1.
const SQL: [&str; 2] = [
    "SELECT id, customer, placed FROM orders WHERE id = $1 AND tenant = $2",
    "SELECT id, customer, placed FROM orders WHERE tenant = $2 AND id = $1",
];

/// The statement of a handler's query by its number.
pub(crate) fn sql(number: u32) -> &'static str {
    SQL[number as usize % SQL.len()]
}

/// Requests without queries; the others are compared with them.
pub(crate) async fn empty(count: u32, telemetry: Option<&TelemetryGuard>) -> anyhow::Result<()> {
    repeat(
        Router::new().route("/orders", get(async || "[]")),
        count,
        telemetry,
    )
    .await
}

/// Requests with ten further spans.
pub(crate) async fn spans(count: u32, telemetry: Option<&TelemetryGuard>) -> anyhow::Result<()> {
    let handler = async || {
        (0..REPEATED).for_each(|number| tracing::info_span!("step", number).in_scope(|| ()));
        "[]"
    };
    repeat(
        Router::new().route("/orders", get(handler)),
        count,
        telemetry,
    )
    .await
}

/// Requests with ten events that are not logged.
pub(crate) async fn events(count: u32, telemetry: Option<&TelemetryGuard>) -> anyhow::Result<()> {
    let handler = async || {
        (0..REPEATED).for_each(|number| tracing::debug!(number, customer = "b", "read"));
        "[]"
    };
    repeat(
        Router::new().route("/orders", get(handler)),
        count,
        telemetry,
    )
    .await
}

/// Requests with sqlx's events for ten statements, without a database.
///
/// The events come from the task of the request, as with sqlx's driver for PostgreSQL.
pub(crate) async fn statements(
    count: u32,
    telemetry: Option<&TelemetryGuard>,
) -> anyhow::Result<()> {
    let handler = async || {
        (0..REPEATED).for_each(|number| statement(sql(number)));
        "[]"
    };
    repeat(
        Router::new().route("/orders", get(handler)),
        count,
        telemetry,
    )
    .await
}

/// The same requests with one statement, which is reported as an N+1.
pub(crate) async fn repeated_statements(
    count: u32,
    telemetry: Option<&TelemetryGuard>,
) -> anyhow::Result<()> {
    let handler = async || {
        (0..REPEATED).for_each(|_| statement(sql(0)));
        "[]"
    };
    repeat(
        Router::new().route("/orders", get(handler)),
        count,
        telemetry,
    )
    .await
}

/// Emits the event of a statement as `sqlx_core::logger` of sqlx 0.9 does.
pub(crate) fn statement(sql: &str) {
    if !tracing::enabled!(target: "sqlx::query", tracing::Level::DEBUG) {
        return;
    }
    let words: Vec<&str> = sql.split_whitespace().take(4).collect();
    let mut summary = words.join(" ");
    summary.push_str(" …");
    let sql = format!("\n\n{sql}\n");
    let elapsed = Duration::from_micros(300);
    tracing::event!(
        target: "sqlx::query",
        tracing::Level::DEBUG,
        summary,
        db.statement = sql,
        rows_affected = 0_u64,
        rows_returned = 1_u64,
        ?elapsed,
        elapsed_secs = elapsed.as_secs_f64(),
    );
}

/// Requests with ten queries of SQLite, on an instrumented pool.
pub(crate) async fn queries(count: u32, telemetry: Option<&TelemetryGuard>) -> anyhow::Result<()> {
    let handler = async |State(pool): State<SqlitePool>| {
        for id in 0..REPEATED {
            let query = sqlx::query(sql(id))
                .bind(id)
                .bind("a")
                .fetch_optional(&pool);
            if query.await.is_err() {
                return StatusCode::INTERNAL_SERVER_ERROR;
            }
        }
        StatusCode::OK
    };
    let pool = pool(telemetry).await?;
    let app = Router::new()
        .route("/orders", get(handler))
        .with_state(pool);
    repeat(app, count, telemetry).await
}

/// The same requests, whose queries are instrumented calls.
pub(crate) async fn instrumented_queries(
    count: u32,
    telemetry: Option<&TelemetryGuard>,
) -> anyhow::Result<()> {
    let handler = async |State(pool): State<SqlitePool>| {
        for id in 0..REPEATED {
            let query = sqlx::query(sql(id))
                .bind(id)
                .bind("a")
                .fetch_optional(&pool);
            if query.instrumented().await.is_err() {
                return StatusCode::INTERNAL_SERVER_ERROR;
            }
        }
        StatusCode::OK
    };
    let pool = pool(telemetry).await?;
    let app = Router::new()
        .route("/orders", get(handler))
        .with_state(pool);
    repeat(app, count, telemetry).await
}

/// A pool of one connection to a database in memory.
///
/// It is instrumented if there is telemetry.
async fn pool(telemetry: Option<&TelemetryGuard>) -> anyhow::Result<SqlitePool> {
    let options = PoolOptions::<Sqlite>::new().max_connections(1);
    let pool = if telemetry.is_some() {
        let pool = firstlight::sqlx::instrument_options(options)
            .connect("sqlite::memory:")
            .await?;
        firstlight::sqlx::instrument_pool(&pool);
        pool
    } else {
        options.connect("sqlite::memory:").await?
    };
    let table =
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, tenant TEXT, customer TEXT, placed TEXT)";
    sqlx::query(table).execute(&pool).await?;
    for id in 0..REPEATED {
        let row = sqlx::query("INSERT INTO orders VALUES ($1, 'a', 'b', '2026-01-01')");
        row.bind(id).execute(&pool).await?;
    }
    Ok(pool)
}

async fn repeat(app: Router, count: u32, telemetry: Option<&TelemetryGuard>) -> anyhow::Result<()> {
    let mut app = match telemetry {
        Some(_) => app.layer(TelemetryLayer::new()),
        None => app,
    };
    for number in 1..=count {
        let request = Request::builder().uri("/orders").body(Body::empty())?;
        let response = app.call(request).await?;
        anyhow::ensure!(
            response.status().is_success(),
            "found {}, expected 200",
            response.status()
        );
        response
            .into_body()
            .collect()
            .await
            .context("a body of the handler")?;
        if number % REQUESTS_PER_FLUSH == 0 {
            flush(telemetry)?;
        }
    }
    Ok(())
}
