//! The quickstart of the README.
//!
//! Run it with `cargo run -p firstlight --features axum --example quickstart`, then `curl localhost:8080/hello/world`
//! and `curl localhost:9464/metrics`.

use std::{io, process::ExitCode};

use axum::{Router, extract::Path, routing::get};
use firstlight::{
    InitError,
    http::{TelemetryLayer, serve},
    shutdown_signal,
};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<ExitCode, InitError> {
    let telemetry = firstlight::init!()?; // logs, metrics and traces, from the environment
    Ok(telemetry.finish(run().await)) // flushes; a failure of `run` is a log line and exit code 1
}

async fn run() -> io::Result<()> {
    let app = Router::new()
        .route("/hello/{name}", get(hello))
        .layer(TelemetryLayer::new());
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    serve(listener, app) // with configurable timeouts and limits
        .with_graceful_shutdown(shutdown_signal())
        .await;
    Ok(())
}

async fn hello(Path(name): Path<String>) -> String {
    tracing::info!(name, "greeting"); // one JSON line, with the request's trace id
    metrics::counter!("greetings_total").increment(1); // on /metrics
    format!("hello, {name}\n")
}
