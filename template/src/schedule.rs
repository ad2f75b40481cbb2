//! Jobs that run on a schedule.
//!
//! Each run happens once across all replicas. It starts up to a tenth of its interval late, and never more than five minutes, so
//! that jobs with the same schedule do not all start at once. It may take until the next scheduled time.

use std::time::Duration;

use firstlight::{
    cron::{Schedule, Scheduler},
    jobs::apalis::remove_finished,
    sqlx::CronStore,
};

{% if example -%}
use crate::orders::table::forget_keys;
{% endif -%}
use crate::{app::AppState, store::Store};

/// How long finished jobs are kept; dead letters are kept until they are retried.
const FINISHED_JOBS_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// All schedules; an invalid one ends the process before it is ready.
///
/// A new job needs a function, a `Schedule`, a clone of what it uses, and an `add` here.
pub fn all(app: AppState) -> anyhow::Result<Scheduler<CronStore<crate::store::Db>>> {
    let daily = Schedule::cron("@daily")?.named("remove-finished-jobs");
    let store = app.store.clone();
{%- if example %}
    let hourly = Schedule::cron("@hourly")?.named("forget-idempotency-keys");
    let keys_store = app.store.clone();
{%- endif %}
    let schedules = Scheduler::new(CronStore::new(app.store))
        .add(daily, move || remove_finished_jobs(store.clone()));
{%- if example %}
    let schedules = schedules.add(hourly, move || forget_keys(keys_store.clone()));
{%- endif %}
    Ok(schedules)
}

async fn remove_finished_jobs(store: Store) -> Result<(), sqlx::Error> {
    let removed = remove_finished(&store, FINISHED_JOBS_KEPT).await?;
    tracing::info!(removed, "finished jobs removed");
    Ok(())
}
