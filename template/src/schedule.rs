//! What runs by the clock: once across all replicas, and spread over some minutes after the hour.

use firstlight::{
    cron::{CronError, Schedule, Scheduler},
    sqlx::CronStore,
};

use crate::{app::DRAIN, jobs, {% if example %}orders, {% endif %}stop::Stop, store::Store};

/// Runs all schedules until the signal to stop.
pub async fn run(store: Store, stop: Stop) -> Result<(), CronError> {
    let finished_jobs = Schedule::cron("@daily")?.named("remove-finished-jobs");
    let jobs_of = store.clone();
    let remove_finished_jobs = move || {
        let store = jobs_of.clone();
        async move { jobs::remove_finished(&store).await }
    };
{%- if example %}
    let idempotency_keys = Schedule::cron("@hourly")?.named("forget-idempotency-keys");
    let keys_of = store.clone();
    let forget_idempotency_keys = move || {
        let store = keys_of.clone();
        async move { orders::forget_keys(&store).await }
    };
{%- endif %}
    Scheduler::new(CronStore::new(store))
        .add(finished_jobs, remove_finished_jobs)
{%- if example %}
        .add(idempotency_keys, forget_idempotency_keys)
{%- endif %}
        .drain(DRAIN)
        .run(stop.requested())
        .await
}
