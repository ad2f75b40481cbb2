//! What runs by the clock: once across all replicas, and spread over some minutes after the hour.

use firstlight::{
    cron::{CronError, Schedule, Scheduler},
    sqlx::CronStore,
};

use crate::{app::DRAIN, jobs, stop::Stop, store::Store};
{%- if example %}
use crate::orders;
{%- endif %}

/// Runs all schedules until the signal to stop.
pub async fn run(store: Store, stop: Stop) -> Result<(), CronError> {
    let jobs_of = store.clone();
{%- if example %}
    let keys_of = store.clone();
{%- endif %}
    Scheduler::new(CronStore::new(store))
        .add(Schedule::cron("@daily")?.named("remove-finished-jobs"), move || {
            let store = jobs_of.clone();
            async move { jobs::remove_finished(&store).await }
        })
{%- if example %}
        .add(Schedule::cron("@hourly")?.named("forget-idempotency-keys"), move || {
            let store = keys_of.clone();
            async move { orders::forget_keys(&store).await }
        })
{%- endif %}
        .drain(DRAIN)
        .run(stop.requested())
        .await
}
