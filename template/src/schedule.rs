//! What runs by the clock: once across all replicas, and spread over some minutes after the hour.

use std::time::Duration;

use firstlight::{
    cron::{CronError, Schedule, Scheduler},
    jobs::apalis::remove_finished,
    sqlx::CronStore,
};

use crate::{ {%- if example %}orders, {% endif %}stop::Stop, store::Store};

/// How long a job that is done stays. Dead letters stay until they are tried again: see `dead_letters`.
const FINISHED_JOBS_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Runs all schedules until the signal to stop.
pub async fn run(store: Store, stop: Stop) -> Result<(), CronError> {
    let finished_jobs = Schedule::cron("@daily")?.named("remove-finished-jobs");
    let jobs_of = store.clone();
    let remove_finished_jobs = move || {
        let store = jobs_of.clone();
        async move {
            let removed = remove_finished(&store, FINISHED_JOBS_KEPT).await?;
            tracing::info!(removed, "finished jobs removed");
            Ok::<_, sqlx::Error>(())
        }
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
        .run(stop.requested())
        .await
}
