//! Jobs and scheduled runs.

use std::{
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};

use firstlight::{
    TelemetryGuard,
    cron::{Cron, LocalStore, Scheduler},
    jobs::{Job, Queue},
};
use tokio::sync::Semaphore;

use crate::flush;

/// Jobs between two flushes; their spans fit into the queue.
const JOBS_PER_FLUSH: u32 = 500;

/// Scheduled jobs that are due each second.
const CRONS: u32 = 50;

/// Attempts at jobs that succeed at once.
pub(crate) async fn jobs(count: u32, telemetry: Option<&TelemetryGuard>) -> anyhow::Result<()> {
    let queue = Queue::declare("emails").latency_budget(Duration::from_secs(60));
    for number in 1..=count {
        let work = async { Ok::<_, io::Error>(number) };
        if telemetry.is_some() {
            let job = Job::new("confirmation")
                .id(number.to_string())
                .attempt(1, 5)
                .due_at(SystemTime::now());
            queue.run(job, work).await?;
        } else {
            work.await?;
        }
        if number % JOBS_PER_FLUSH == 0 {
            flush(telemetry)?;
        }
    }
    Ok(())
}

/// Runs of scheduled jobs that succeed at once.
///
/// Runs begin at whole seconds, so many jobs are due at each.
pub(crate) async fn crons(count: u32) -> anyhow::Result<()> {
    let runs = Arc::new(Semaphore::new(0));
    let mut scheduler = Scheduler::new(LocalStore::default());
    for number in 0..CRONS {
        let cron =
            Cron::every(format!("report-{number}"), Duration::from_secs(1))?.without_jitter();
        let runs = Arc::clone(&runs);
        scheduler = scheduler.add(cron, move || {
            let runs = Arc::clone(&runs);
            async move {
                runs.add_permits(1);
                Ok::<_, io::Error>(())
            }
        });
    }
    let enough = async move {
        // An error is impossible, because the semaphore is never closed.
        let _ = runs.acquire_many(count).await;
    };
    scheduler.run(enough).await?;
    Ok(())
}
