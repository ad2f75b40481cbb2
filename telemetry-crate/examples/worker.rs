//! For a worker that serves no HTTP of its own: readiness, a span for each job, and an end that loses none. Run it with
//! `cargo run -p firstlight --example worker`; it answers on `localhost:9464`.

use std::{collections::BTreeMap, io, pin::pin, process::ExitCode, time::Duration};

use firstlight::{InitError, Readiness, context::TraceContext, shutdown_signal};
use tokio::sync::mpsc;
use tracing::{Instrument, info_span};

/// What a queue holds: text, and who has sent it.
struct Job {
    order: u64,
    headers: BTreeMap<String, String>,
}

#[tokio::main]
async fn main() -> Result<ExitCode, InitError> {
    let telemetry = firstlight::init!()?;
    let readiness = telemetry.readiness();
    Ok(telemetry.finish(work(readiness).await))
}

async fn work(readiness: Readiness) -> io::Result<()> {
    let connecting = readiness.latch("queue"); // `/readyz` answers 503 until it is released
    let mut queue = connect().await?;
    connecting.release();
    tracing::info!("waiting for jobs");

    let mut shutdown = pin!(shutdown_signal());
    loop {
        let job = tokio::select! {
            () = &mut shutdown => break, // between two jobs: the one under way is finished
            job = queue.recv() => match job {
                Some(job) => job,
                None => return Err(io::Error::other("the queue is gone")),
            },
        };
        // A trace of its own, with a link to the one that has sent the job: it may have waited for a day.
        let span = TraceContext::from_pairs(&job.headers)
            .linked(|| info_span!("send receipt", otel.kind = "consumer", order.id = job.order));
        process(&job).instrument(span).await;
    }
    Ok(())
}

async fn process(job: &Job) {
    tracing::info!(order.id = job.order, "sending the receipt");
    tokio::time::sleep(Duration::from_millis(50)).await; // stands for the work
    metrics::counter!("receipts_total").increment(1);
    tracing::info!(order.id = job.order, "receipt sent");
}

/// Stands for a broker or a table, into which services write.
async fn connect() -> io::Result<mpsc::Receiver<Job>> {
    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(async move {
        for order in 1.. {
            let headers = info_span!("place order", otel.kind = "producer", order.id = order)
                .in_scope(|| TraceContext::current().to_pairs());
            if sender.send(Job { order, headers }).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    Ok(receiver)
}
