//! The job behind an order: the card is charged after the client has its answer.

use std::{sync::LazyLock, time::Duration};

use firstlight::jobs::{
    Queue,
    apalis::{AbortError, BoxDynError, JobState, TaskQueue},
};
use serde::{Deserialize, Serialize};

use super::table::{self, Order};
use crate::{app::AppState, store::Store};

/// What the worker has to know. It is stored as JSON, and read by the next version of the service as well.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Charge {
    pub order_id: i64,
}

pub static CHARGES: LazyLock<TaskQueue<Charge>> = LazyLock::new(|| {
    let queue = Queue::declare("charges").system("apalis");
    // The longest that a client may wait for what was promised.
    TaskQueue::new("charge", queue.latency_budget(Duration::from_secs(60)))
});

/// How far it is. That is the queue's to say, which forgets what is done, so that it can't say one thing and the order another.
pub async fn status(store: &Store, order: &Order) -> Result<JobState, sqlx::Error> {
    if order.charged {
        return Ok(JobState::Done);
    }
    let state = CHARGES.state(store, &order.id.to_string()).await?;
    Ok(state.unwrap_or(JobState::Pending))
}

/// An error is tried again, an [`AbortError`] is not.
pub async fn charge(job: Charge, app: AppState) -> Result<(), BoxDynError> {
    let Some(order) = table::find(&app.store, job.order_id).await? else {
        return Err(AbortError::new(format!("there is no order {}", job.order_id)).into());
    };
    // Jobs run at least once, and this one must not be paid for twice.
    if order.charged {
        return Ok(());
    }
    // A crash between this and the note that it is done repeats it; the bank knows it by the order's id.
    app.bank.charge(&order).await?;
    table::set_charged(&app.store, order.id).await?;
    tracing::info!(order.id, "order charged");
    Ok(())
}
