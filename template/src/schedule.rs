//! Scheduled jobs.
//!
//! Each run happens once across all replicas, and starts some minutes after its scheduled time, so that jobs are spread.

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

/// How long finished jobs are kept; dead letters are kept until they are retried.
const FINISHED_JOBS_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Runs all schedules until the token is canceled.
///
/// To add one, add a function, its `Schedule`, and a call of `add` here.
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
