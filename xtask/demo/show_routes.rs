//! Routes and a schedule that only the demo adds to the service.
//!
//! They show the rows of an order, an N+1, a failure and a scheduled run.

use std::time::Duration;

use axum::{
    Router,
    extract::{FromRef, Path, State},
    routing::get,
};
use firstlight::{
    cron::{Cron, CronError, Schedule},
    sqlx::InstrumentQuery,
};

use crate::{app::AppState, error::AppError, store::Store};

/// Lets handlers extract the store alone.
impl FromRef<AppState> for Store {
    fn from_ref(app: &AppState) -> Self {
        app.store.clone()
    }
}

/// The routes of the demo.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/orders/{id}/rows", get(rows))
        .route("/orders/{id}/invoice", get(invoice))
        .route("/orders/report", get(report))
}

/// Returns the rows of an order and of its job as a JSON list of two objects.
async fn rows(State(store): State<Store>, Path(id): Path<i64>) -> Result<String, AppError> {
    let mut rows = Vec::new();
    for row in [ORDER, JOB] {
        let row = sqlx::query_scalar::<_, String>(row).bind(id);
        rows.push(row.fetch_one(&store).instrumented().await?);
    }
    Ok(format!("[{}]", rows.join(",")))
}

/// Selects an order as JSON.
const ORDER: &str = "
    SELECT json_object('id', id, 'item', item, 'quantity', quantity, 'charged', charged, 'created_at', created_at)
    FROM orders WHERE id = $1";
/// Selects the job of an order as JSON.
const JOB: &str = "
    SELECT json_object('id', id, 'job_type', job_type, 'job', CAST(job AS TEXT), 'idempotency_key', idempotency_key,
        'status', status, 'attempts', attempts, 'max_attempts', max_attempts, 'run_at', run_at, 'done_at', done_at,
        'last_result', last_result, 'metadata', metadata)
    FROM Jobs WHERE job_type = 'charges' AND idempotency_key = CAST($1 AS TEXT)";

/// Causes an N+1: runs one query for the list, and one more for each of its rows.
async fn report(State(store): State<Store>) -> Result<String, AppError> {
    let ids = sqlx::query_scalar::<_, i64>("SELECT id FROM orders ORDER BY id LIMIT 20");
    let ids = ids.fetch_all(&store).instrumented().await?;
    let mut report = String::new();
    for id in ids {
        let item = sqlx::query_scalar::<_, String>("SELECT item FROM orders WHERE id = $1");
        let item = item.bind(id).fetch_one(&store).instrumented().await?;
        report.push_str(&item);
        report.push('\n');
    }
    Ok(report)
}

/// Fails, because there is no table of invoices.
///
/// A deploy without its migration fails in the same way.
async fn invoice(State(store): State<Store>, Path(id): Path<i64>) -> Result<String, AppError> {
    let quantity = sqlx::query_scalar::<_, i64>("SELECT quantity FROM orders WHERE id = $1");
    let quantity = quantity.bind(id).fetch_one(&store).instrumented().await?;
    tracing::debug!(order.id = id, quantity, "invoice requested");
    let total = sqlx::query_scalar::<_, i64>("SELECT total FROM invoices WHERE order_id = $1");
    let total = total.bind(id).fetch_one(&store).instrumented().await?;
    Ok(total.to_string())
}

/// A schedule that runs every two seconds.
///
/// It has no jitter, because the default jitter would delay the demo.
pub fn schedule() -> Result<Cron, CronError> {
    Ok(Schedule::every(Duration::from_secs(2))?
        .named("count-orders")
        .without_jitter())
}

/// Counts the orders in each scheduled run.
pub async fn count(store: Store) -> Result<(), sqlx::Error> {
    let count = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM orders");
    let orders = count.fetch_one(&store).instrumented().await?;
    tracing::info!(orders, "orders counted");
    Ok(())
}
