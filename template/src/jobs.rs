//! The workers, which run jobs that are rows of the service's database.
//!
//! A job is enqueued in the transaction of the data that it belongs to. It runs **at least once**: if a process ends after the
//! work and before the job is marked as done, another process runs it again. To add a kind of job, add a type with its
//! `TaskQueue`, a function, and two lines in [`work`].{% if example %} `orders/charge.rs` has the first two.{% endif %}

{% if example -%}
use firstlight::jobs::apalis::Workers;
use tokio_util::sync::CancellationToken;

use crate::app::AppState;
use crate::orders::charge::{CHARGES, charge};
{%- else -%}
use std::{sync::LazyLock, time::Duration};

use firstlight::jobs::{
    Queue,
    apalis::{BoxDynError, TaskQueue, Workers},
};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::app::AppState;

/// Payload of a job.
///
/// It is stored as JSON, and the next version of the service must be able to read it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Greeting {
    pub name: String,
}

/// Queue of greetings.
///
/// `GREETINGS.enqueue::<Db>(&mut transaction, &greeting, &key)` stores a job. A key that the queue already holds stores no
/// second job, so a job that may be repeated needs a new key each time.
pub static GREETINGS: LazyLock<TaskQueue<Greeting>> = LazyLock::new(|| {
    let queue = Queue::declare("jobs").system("apalis");
    // How old the oldest waiting job may become before an alert fires.
    TaskQueue::new("greet", queue.latency_budget(Duration::from_secs(60)))
});

/// Runs a job; put your first one here.
///
/// An error is retried, an `AbortError` is not. The error is a `BoxDynError`, because an `AbortError` inside an
/// `anyhow::Error` is not seen, and retried.
async fn greet(greeting: Greeting, _app: AppState) -> Result<(), BoxDynError> {
    tracing::info!(name = greeting.name, "hello");
    Ok(())
}
{%- endif %}

/// Runs the workers until the token is canceled, then drains them.
pub async fn work(app: AppState, stop: CancellationToken) -> anyhow::Result<()> {
{%- if example %}
    let charges = app.clone();
    let workers = Workers::new(app.store).add(&CHARGES, move |job| charge(job, charges.clone()));
{%- else %}
    let greetings = app.clone();
    let workers = Workers::new(app.store).add(&GREETINGS, move |job| greet(job, greetings.clone()));
{%- endif %}
    Ok(workers.run(stop.cancelled_owned()).await?)
}
