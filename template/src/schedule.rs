//! Jobs that run on a schedule.
//!
//! Each run happens once across all replicas. It starts up to five minutes after its scheduled time, so that jobs with the same
//! schedule do not all start at once.

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
/// A new job needs a function, a `Schedule`, and an `add` here.
pub async fn run(app: AppState, stop: CancellationToken) -> anyhow::Result<()> {
    let daily = Schedule::cron("@daily")?.named("remove-finished-jobs");
    let store = app.store.clone();
{%- if example %}
    let hourly = Schedule::cron("@hourly")?.named("forget-idempotency-keys");
    let keys_store = app.store.clone();
{%- endif %}
    Scheduler::new(CronStore::new(app.store))
        .add(daily, move || remove_finished_jobs(store.clone()))
{%- if example %}
        .add(hourly, move || forget_keys(keys_store.clone()))
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
