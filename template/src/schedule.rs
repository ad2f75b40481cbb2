//! What runs by the clock: once across all replicas, and spread over some minutes after the hour.

use std::time::Duration;

use firstlight::{
    cron::{Schedule, Scheduler},
    jobs::apalis::remove_finished,
    sqlx::CronStore,
};
use tokio_util::sync::CancellationToken;

{% if example -%}
use crate::orders::table::forget_keys;
{% endif -%}
use crate::{app::AppState, store::Store};

/// How long a job that is done stays. Dead letters stay until they are tried again.
const FINISHED_JOBS_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Runs all schedules until the token is cancelled. Another is a function, and a line here.
pub async fn run(app: AppState, stop: CancellationToken) -> anyhow::Result<()> {
    let finished_jobs = Schedule::cron("@daily")?.named("remove-finished-jobs");
    let jobs = app.store.clone();
{%- if example %}
    let idempotency_keys = Schedule::cron("@hourly")?.named("forget-idempotency-keys");
    let keys = app.store.clone();
{%- endif %}
    Scheduler::new(CronStore::new(app.store))
        .add(finished_jobs, move || remove_finished_jobs(jobs.clone()))
{%- if example %}
        .add(idempotency_keys, move || forget_keys(keys.clone()))
{%- endif %}
        .run(stop.cancelled_owned())
        .await?;
    Ok(())
}

async fn remove_finished_jobs(store: Store) -> Result<(), sqlx::Error> {
    let removed = remove_finished(&store, FINISHED_JOBS_KEPT).await?;
    tracing::info!(removed, "finished jobs removed");
    Ok(())
}
