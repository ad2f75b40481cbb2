//! The job behind an order: the card is charged after the client has its answer.

use std::{sync::LazyLock, time::Duration};

use firstlight::jobs::{
    Queue,
    apalis::{AbortError, BoxDynError, TaskQueue},
};
use serde::{Deserialize, Serialize};
use tracing::info;

use super::{bank::Bank, table};
use crate::store::Store;

/// What the worker has to know. It is stored as JSON, and read by the next version of the service as well.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Charge {
    pub order_id: i64,
}

/// Where charges are stored, until one of the workers has done them.
pub static CHARGES: LazyLock<TaskQueue<Charge>> = LazyLock::new(|| {
    let queue = Queue::declare("charges").system("apalis");
    // The longest that a client may wait for what was promised.
    TaskQueue::new("charge", queue.latency_budget(Duration::from_secs(60)))
});

/// An error is tried again, an [`AbortError`] is not.
pub async fn charge(job: Charge, store: Store, bank: Bank) -> Result<(), BoxDynError> {
    let Some(order) = table::find(&store, job.order_id).await? else {
        return Err(AbortError::new(format!("there is no order {}", job.order_id)).into());
    };
    // Jobs run at least once, and this one must not be paid for twice.
    if order.status == "done" {
        return Ok(());
    }
    // A crash between this and the note that it is done repeats it; the bank knows it by the order's id.
    bank.charge(&order).await?;
    table::set_charged(&store, order.id).await?;
    info!(order.id, "order charged");
    Ok(())
}
