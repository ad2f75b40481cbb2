//! A small service on SQLite, some of whose handlers make mistakes.

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    routing::get,
};
use firstlight::{http::TelemetryLayer, sqlx::InstrumentQuery};
use http::Request;
use sqlx::{Row, SqlitePool, sqlite::SqlitePoolOptions};
use tower::ServiceExt;

/// Creates a database in memory, which lasts as long as its only connection.
pub(crate) async fn database() -> SqlitePool {
    let pool = firstlight::sqlx::instrument_options(SqlitePoolOptions::new().max_connections(1))
        .idle_timeout(None)
        .max_lifetime(None)
        .connect("sqlite::memory:")
        .await
        .unwrap();
    sqlx::raw_sql(
        "CREATE TABLE orders (id integer PRIMARY KEY, secret text);
         CREATE TABLE items (id integer PRIMARY KEY, order_id integer);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25)
         INSERT INTO orders SELECT i, 'hunter2' FROM n;",
    )
    .execute(&pool)
    .await
    .unwrap();
    pool
}

pub(crate) fn router(pool: SqlitePool) -> Router {
    Router::new()
        .route("/orders/{id}", get(order))
        .route("/orders", get(orders))
        // A test that counts queries uses this route, so it does not change the metrics of the route above.
        .route("/counted", get(orders))
        .route("/instrumented", get(instrumented))
        .route("/report", get(report))
        .route("/empty", get(async || "nothing"))
        .layer(TelemetryLayer::new())
        .with_state(pool)
}

async fn order(State(pool): State<SqlitePool>, Path(id): Path<i64>) -> String {
    let row = sqlx::query("SELECT id, secret FROM orders WHERE id = ? AND secret = 'hunter2'")
        .bind(id)
        .fetch_one(&pool)
        .await
        .unwrap();
    row.get::<i64, _>(0).to_string()
}

/// Runs one query for the list, and one for each of its rows.
async fn orders(State(pool): State<SqlitePool>) -> String {
    let rows = sqlx::query("SELECT id FROM orders")
        .fetch_all(&pool)
        .await
        .unwrap();
    let mut items = 0;
    for row in &rows {
        items += items_of(&pool, row.get(0)).await;
    }
    format!("{} orders, {items} items", rows.len())
}

#[tracing::instrument(skip(pool))]
async fn items_of(pool: &SqlitePool, order: i64) -> usize {
    let items = sqlx::query("SELECT id FROM items WHERE order_id = ?").bind(order);
    items.fetch_all(pool).await.unwrap().len()
}

/// The line of the query below, which the warning about an N+1 must name.
pub(crate) const INSTRUMENTED_AT: u32 = line!() + 6;

/// Runs one query for each order, in a function without a span.
async fn instrumented(State(pool): State<SqlitePool>) -> String {
    for order in 0..25_i64 {
        let items = sqlx::query("SELECT id FROM items WHERE order_id = ?").bind(order);
        items.fetch_all(&pool).instrumented().await.unwrap();
    }
    String::new()
}

/// Runs a query that takes longer than 20 ms, the threshold that some tests set.
async fn report(State(pool): State<SqlitePool>) -> String {
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) \
                   SELECT count(*) FROM n, (SELECT 'hunter2')";
    let row = sqlx::query(numbers).fetch_one(&pool).await.unwrap();
    row.get::<i64, _>(0).to_string()
}

/// Sends a GET request to the router, and returns the body of the response.
pub(crate) async fn get_from(router: &Router, path: &str) -> String {
    let request = Request::builder().uri(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    String::from_utf8(body.unwrap().to_vec()).unwrap()
}
