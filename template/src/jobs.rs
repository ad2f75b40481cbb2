//! The workers: jobs are rows of the database, so that one is stored in the transaction that it belongs to.
//!
//! A job runs **at least once**: a process that dies between the work and the note that it is done leaves it to another. So
//! whatever a job does must bear to be done again.
//! Another kind of job is a type with its `TaskQueue`, a function, and two lines in [`work`].{% if example %} `orders/charge.rs` has the first two.{% endif %}

{% if example -%}
use firstlight::jobs::apalis::Workers;
use tokio_util::sync::CancellationToken;

use crate::{
    app::AppState,
    orders::charge::{CHARGES, charge},
};
{%- else -%}
use std::{sync::LazyLock, time::Duration};

use firstlight::jobs::{
    Queue,
    apalis::{BoxDynError, TaskQueue, Workers},
};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::app::AppState;

/// What a job has to know. It is stored as JSON, and read by the next version of the service as well.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Greeting {
    pub name: String,
}

/// Where greetings are stored: `GREETINGS.enqueue::<Db>(&mut transaction, &greeting, &key)`. A key that is there already stores no
/// further job, so one that may be repeated has another key each time.
pub static GREETINGS: LazyLock<TaskQueue<Greeting>> = LazyLock::new(|| {
    let queue = Queue::declare("jobs").system("apalis");
    // The longest that a client may wait for what was promised.
    TaskQueue::new("greet", queue.latency_budget(Duration::from_secs(60)))
});

/// Your first job goes here. An error is tried again, an `AbortError` is not.
async fn greet(greeting: Greeting, _app: AppState) -> Result<(), BoxDynError> {
    tracing::info!(name = greeting.name, "hello");
    Ok(())
}
{%- endif %}

/// Works until the token is cancelled, then ends what runs.
pub async fn work(app: AppState, stop: CancellationToken) -> anyhow::Result<()> {
{%- if example %}
    let charges = app.clone();
{%- else %}
    let greetings = app.clone();
{%- endif %}
    Workers::new(app.store)
{%- if example %}
        .add(&CHARGES, move |job| charge(job, charges.clone()))
{%- else %}
        .add(&GREETINGS, move |job| greet(job, greetings.clone()))
{%- endif %}
        .run(stop.cancelled_owned())
        .await;
    Ok(())
}
