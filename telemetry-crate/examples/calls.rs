//! A service that calls the next service, whose address is in `NEXT`.
//!
//! Run it with `cargo run -p firstlight --features axum,reqwest --example calls`, then run it again with `NEXT`, `ADDRESS`
//! and `OTEL_EXPORTER_PROMETHEUS_PORT`, and send requests to `/ok` and `/fail` of the second one.

use std::{env, io, process::ExitCode};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, Uri},
    routing::get,
};
use firstlight::{
    InitError,
    http::{self, ClientLayer, TelemetryLayer},
    shutdown_signal,
};
use tokio::net::TcpListener;

/// The next service.
#[derive(Clone)]
struct Next {
    /// Host and port; `None` if this is the last service.
    address: Option<String>,
    calls: ClientLayer, // one for the program
    client: reqwest::Client,
}

#[tokio::main]
async fn main() -> Result<ExitCode, InitError> {
    let telemetry = firstlight::init!()?;
    Ok(telemetry.finish(serve().await))
}

async fn serve() -> io::Result<()> {
    let next = Next {
        address: env::var("NEXT").ok(),
        calls: ClientLayer::new(),
        client: reqwest::Client::new(),
    };
    let app = Router::new()
        .route("/ok", get(answer))
        .route("/fail", get(answer))
        .with_state(next)
        .layer(TelemetryLayer::new());
    let address = env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    http::serve(listener, app)
        .with_graceful_shutdown(shutdown_signal())
        .await;
    Ok(())
}

async fn answer(State(next): State<Next>, uri: Uri) -> StatusCode {
    let Some(address) = next.address else {
        return match uri.path() {
            "/ok" => StatusCode::OK,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
    };
    let call = next.client.get(format!("http://{address}{}", uri.path()));
    match next.calls.send(call).await {
        Ok(answer) if answer.status().is_success() => StatusCode::OK,
        _ => StatusCode::BAD_GATEWAY,
    }
}
