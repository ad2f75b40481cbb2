//! A worker without an HTTP server, with readiness and instrumented jobs.
//!
//! At the end it finishes the job in progress. Run it with `cargo run -p firstlight --example worker`; its admin
//! listener is on `localhost:9464`.

use std::{collections::BTreeMap, io, pin::pin, process::ExitCode, time::Duration};

use firstlight::{
    InitError, Latch, Readiness,
    jobs::{AttemptOutcome, Envelope, Job, Queue},
    run_service, shutdown_signal,
};
use tokio::sync::mpsc;
use tracing::{Instrument, info_span};

/// A row of the queue: the id of the order, and the envelope as text.
struct Row {
    order: u64,
    envelope: BTreeMap<String, String>,
}

#[tokio::main]
async fn main() -> Result<ExitCode, InitError> {
    let readiness = Readiness::new();
    let connecting = readiness.latch("queue"); // `/readyz` answers 503 until the latch is released
    let telemetry = firstlight::config!().readiness(readiness).init()?;
    let result = run_service(work(connecting)).await; // a signal also cancels a slow start
    Ok(telemetry.finish(result))
}

async fn work(connecting: Latch) -> io::Result<()> {
    let receipts = Queue::declare("receipts").latency_budget(Duration::from_secs(60));
    let mut rows = connect(receipts.clone()).await?;
    connecting.release();
    tracing::info!("waiting for jobs");

    let mut shutdown = pin!(shutdown_signal());
    loop {
        let row = tokio::select! {
            () = &mut shutdown => break, // checked only between two jobs, so the running job is finished
            row = rows.recv() => row.ok_or_else(|| io::Error::other("the queue is gone"))?,
        };
        let job = Job::new("receipt")
            .id(row.order.to_string())
            .envelope(Envelope::from_pairs(&row.envelope));
        // Records a span, a log line at the end of the job, and the metrics of the queue alerts.
        if let Err(failure) = receipts.run(job, send(row.order)).await {
            record_failure(&row, failure.outcome());
        }
    }
    Ok(())
}

async fn send(order: u64) -> io::Result<()> {
    tracing::info!(order.id = order, "sending the receipt");
    tokio::time::sleep(Duration::from_millis(50)).await; // in place of the work
    tracing::info!(order.id = order, "receipt sent");
    Ok(())
}

/// Records the outcome of a failed attempt in the row of the job.
///
/// A real queue would set a dead-lettered job aside, and run any other job again later.
fn record_failure(row: &Row, outcome: AttemptOutcome) {
    tracing::info!(order.id = row.order, %outcome, "failure recorded");
}

/// Connects to the queue and begins to fill it.
///
/// The queue is a channel, which stands for a broker or a table.
async fn connect(receipts: Queue) -> io::Result<mpsc::Receiver<Row>> {
    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(async move {
        for order in 1.. {
            let stored = receipts.enqueue("receipt", |envelope| {
                let envelope = envelope.to_pairs();
                sender.send(Row { order, envelope })
            });
            let request = info_span!("place order", order.id = order);
            if stored.instrument(request).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    Ok(receiver)
}
