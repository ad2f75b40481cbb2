//! Added for the demo, and no part of the template: a mistake to be caught in the act, and a schedule that is due soon.

use std::time::Duration;

use axum::{Router, extract::State, routing::get};
use firstlight::{
    cron::{Cron, CronError, Schedule},
    sqlx::Observe,
};

use crate::{error::AppError, store::Store};

/// The routes of the demo.
pub fn routes(store: Store) -> Router {
    Router::new()
        .route("/orders/report", get(report))
        .with_state(store)
}

/// The mistake: one query for the list, and then one for each row of it.
async fn report(State(store): State<Store>) -> Result<String, AppError> {
    let ids = sqlx::query_scalar::<_, i64>("SELECT id FROM orders ORDER BY id LIMIT 20");
    let ids = ids.fetch_all(&store).observed().await?;
    let mut report = String::new();
    for id in ids {
        let item = sqlx::query_scalar::<_, String>("SELECT item FROM orders WHERE id = $1");
        let item = item.bind(id).fetch_one(&store).observed().await?;
        report.push_str(&item);
        report.push('\n');
    }
    Ok(report)
}

/// Every other second and on the second: a demo has no time for the jitter that is the default.
pub fn schedule() -> Result<Cron, CronError> {
    Ok(Schedule::every(Duration::from_secs(2))?
        .named("count-orders")
        .without_jitter())
}

/// The scheduled run.
pub async fn count(store: Store) -> Result<(), sqlx::Error> {
    let count = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM orders");
    let orders = count.fetch_one(&store).observed().await?;
    tracing::info!(orders, "orders counted");
    Ok(())
}
