//! The workers: jobs are rows of the database, so that one is stored in the transaction that it belongs to.
//!
//! A job runs **at least once**: a process that dies between the work and the note that it is done leaves it to another. So
//! whatever a job does must bear to be done again.
//!
//! Another kind of job is a type with its `TaskQueue`, a function, and a line in [`work`]. Its dead letters are listed and
//! tried again with all others.
{%- if example %}

use firstlight::jobs::apalis::Workers;

use crate::{
    orders::{
        bank::Bank,
        charge::{CHARGES, charge},
    },
    stop::Stop,
    store::Store,
};

/// Works until the signal to stop, then ends what runs.
pub async fn work(store: Store, bank: Bank, stop: Stop) {
    // Each kind of job keeps a clone of its own, which is the same pool.
    let charges_store = store.clone();
    Workers::new(store.clone())
        .add(&CHARGES, move |job| {
            charge(job, charges_store.clone(), bank.clone())
        })
        .run(stop.requested())
        .await;
}
{%- else %}

use std::{sync::LazyLock, time::Duration};

use firstlight::jobs::{
    Queue,
    apalis::{BoxDynError, TaskQueue, Workers},
};
use serde::{Deserialize, Serialize};

use crate::{stop::Stop, store::Store};

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
async fn greet(greeting: Greeting) -> Result<(), BoxDynError> {
    tracing::info!(name = greeting.name, "hello");
    Ok(())
}

/// Works until the signal to stop, then ends what runs.
pub async fn work(store: Store, stop: Stop) {
    Workers::new(store.clone())
        .add(&GREETINGS, greet)
        .run(stop.requested())
        .await;
}
{%- endif %}
