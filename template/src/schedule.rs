//! Jobs that run on a schedule.
//!
//! Each run happens once across all replicas. It starts late by up to a tenth of the interval, at
//! most five minutes, so that equal schedules do not start at once. It may take one interval.

use std::time::Duration;

use firstlight::cron::{Cron, Scheduler};
use firstlight::jobs::apalis::remove_finished;
use firstlight::sqlx::CronStore;

use crate::app::AppState;
{%- if example %}
use crate::orders::table::forget_keys;
{%- endif %}

/// All schedules; an invalid one ends the process before it is ready.
pub fn all(app: AppState) -> anyhow::Result<Scheduler<CronStore<crate::store::Db>>> {
    let daily = Cron::parse("remove-finished-jobs", "@daily")?;
    // `remove_finished` keeps dead letters.
    let (store, week) = (app.store.clone(), Duration::from_secs(7 * 24 * 60 * 60));
{%- if example %}
    let hourly = Cron::parse("forget-idempotency-keys", "@hourly")?;
    let keys_store = app.store.clone();
{%- endif %}
    let schedules = Scheduler::new(CronStore::new(app.store))
        .add(daily, move || remove_finished(store.clone(), week));
{%- if example %}
    let schedules = schedules.add(hourly, move || forget_keys(keys_store.clone()));
{%- endif %}
    Ok(schedules)
}
