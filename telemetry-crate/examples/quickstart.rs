//! The README's quickstart. Run it with `cargo run -p firstlight --features axum --example quickstart`, then
//! `curl localhost:8080/hello/world` and `curl localhost:9464/metrics`.

use axum::{Router, extract::Path, routing::get};
use firstlight::{
    http::{TelemetryLayer, serve},
    shutdown_signal,
};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let telemetry = firstlight::init!()?; // logs, metrics and traces, from the environment
    let app = Router::new()
        .route("/hello/{name}", get(hello))
        .layer(TelemetryLayer::new());
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    serve(listener, app) // with time-outs and limits, which can be set
        .with_graceful_shutdown(shutdown_signal())
        .await;
    telemetry.shutdown(std::time::Duration::from_secs(5))?; // says what could not be delivered
    Ok(())
}

async fn hello(Path(name): Path<String>) -> String {
    tracing::info!(name, "greeting"); // one JSON line, with the request's trace id
    metrics::counter!("greetings_total").increment(1); // on /metrics
    format!("hello, {name}\n")
}
