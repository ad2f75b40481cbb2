//! A service on axum, with `init!` and `finish` in `main` and one layer.
//!
//! Run it with `cargo run -p firstlight --features axum --example axum`, then `curl localhost:8080/orders/7`.

use std::{env, io, process::ExitCode};

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use firstlight::{
    InitError,
    http::{self, TelemetryLayer},
    shutdown_signal,
};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<ExitCode, InitError> {
    let telemetry = firstlight::init!()?; // before anything that logs
    Ok(telemetry.finish(serve().await)) // logs a failure, and flushes
}

async fn serve() -> io::Result<()> {
    let app = Router::new()
        .route("/orders/{id}", get(order))
        // After the routes, because a layer applies to earlier routes only. Add further layers before this one.
        .layer(TelemetryLayer::new());
    let address = env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    http::serve(listener, app)
        .with_graceful_shutdown(shutdown_signal())
        .await;
    Ok(())
}

async fn order(Path(id): Path<u64>) -> Result<String, StatusCode> {
    let order = load(id).await.ok_or(StatusCode::NOT_FOUND)?;
    tracing::info!(order.id = id, "order shown"); // has the request's trace id
    metrics::counter!("orders_shown_total").increment(1);
    Ok(order)
}

/// Loads an order in a child span of the request's span.
#[tracing::instrument]
async fn load(id: u64) -> Option<String> {
    (id == 7).then(|| "one telescope\n".to_owned())
}
