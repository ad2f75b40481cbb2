//! The workers. They run jobs, which are rows of the service's database.
//!
//! A job is enqueued in the transaction that stores its data. It runs **at least once**: if its
//! process ends before it marks the job as done, another one repeats it. A new kind of job needs
//! a type with its `TaskQueue`, a function{% if example %} (see `orders/charge.rs`){% endif %}, and two lines in [`work`].

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
/// `GREETINGS.enqueue::<Db>(&mut transaction, &greeting, &key)` stores a job. It stores no
/// second job with the same key, so a job that is to run several times needs a new key each time.
pub static GREETINGS: LazyLock<TaskQueue<Greeting>> = LazyLock::new(|| {
    let queue = Queue::declare("jobs").system("apalis");
    // How old the oldest waiting job may become before an alert fires.
    TaskQueue::new("greet", queue.latency_budget(Duration::from_secs(60)))
});

/// Runs a job; put your first one here.
///
/// After an error the job is retried, unless the error is an `AbortError`. The type of the error is
/// `BoxDynError`, because an `AbortError` inside an `anyhow::Error` would not be recognized.
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
