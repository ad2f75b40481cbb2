//! The job of an order, which charges the card after the client was answered.

use std::{sync::LazyLock, time::Duration};

use firstlight::jobs::Queue;
use firstlight::jobs::apalis::{AbortError, BoxDynError, JobState, TaskQueue};
use serde::{Deserialize, Serialize};

use super::table::{self, Order};
use crate::{app::AppState, store::Store};

/// Payload of the job, stored as JSON that the next version must be able to read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Charge {
    pub order_id: i64,
}

/// Queue of charges.
pub static CHARGES: LazyLock<TaskQueue<Charge>> = LazyLock::new(|| {
    let queue = Queue::declare("charges").system("apalis");
    // How old the oldest waiting job may become before an alert fires.
    TaskQueue::new("charge", queue.latency_budget(Duration::from_secs(60)))
});

/// Returns the status of an order's charge.
pub async fn status(store: &Store, order: &Order) -> Result<JobState, sqlx::Error> {
    // The queue keeps finished jobs only for a week.
    if order.charged {
        return Ok(JobState::Done);
    }
    let state = CHARGES.state(store, &order.id.to_string()).await?;
    Ok(state.unwrap_or(JobState::Pending))
}

/// Runs the job; it is retried after any error other than an [`AbortError`].
pub async fn charge(job: Charge, app: AppState) -> Result<(), BoxDynError> {
    let Some(order) = table::find(&app.store, job.order_id).await? else {
        return Err(AbortError::new(format!("there is no order {}", job.order_id)).into());
    };
    // A job may run twice, and an order must be charged once.
    if order.charged {
        return Ok(());
    }
    // A crash before `set_charged` repeats this call; the bank recognizes it by the order's id.
    app.bank.charge(&order).await?;
    table::set_charged(&app.store, order.id).await?;
    tracing::info!(order.id, "order charged");
    Ok(())
}
