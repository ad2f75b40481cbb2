//! A service on axum 0.7 that calls itself with reqwest 0.12.
//!
//! Run it with `cargo run -p firstlight --features axum-07,reqwest-012 --example axum_07`, then
//! `curl localhost:8080/orders/7/summary`.

use std::{env, io, net::SocketAddr, process::ExitCode};

use axum_07::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
    serve,
};
use firstlight::{
    InitError,
    http::{ClientLayer, TelemetryLayer},
    shutdown_signal,
};
use reqwest_012::Client;
use tokio::net::TcpListener;

/// The client of the orders, which are in the same process.
#[derive(Clone)]
struct Orders {
    address: SocketAddr,
    calls: ClientLayer, // one for the program
    client: Client,
}

#[tokio::main]
async fn main() -> Result<ExitCode, InitError> {
    let telemetry = firstlight::init!()?;
    Ok(telemetry.finish(run().await))
}

async fn run() -> io::Result<()> {
    let address = env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let orders = Orders {
        address,
        calls: ClientLayer::new(),
        client: Client::new(),
    };
    let app = Router::new()
        .route("/orders/:id", get(order))
        .route("/orders/:id/summary", get(summary))
        .with_state(orders)
        .layer(TelemetryLayer::new());
    tracing::info!(%address, "listening");
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    serve(listener, service)
        .with_graceful_shutdown(shutdown_signal())
        .await
}

async fn order(Path(id): Path<u64>) -> Result<&'static str, StatusCode> {
    if id != 7 {
        return Err(StatusCode::NOT_FOUND);
    }
    tracing::info!(order.id = id, "order shown");
    Ok("one telescope\n")
}

async fn summary(State(orders): State<Orders>, Path(id): Path<u64>) -> Result<String, StatusCode> {
    let url = format!("http://{}/orders/{id}", orders.address);
    let call = orders.calls.send(orders.client.get(url));
    let answer = call.url_template("/orders/:id").await;
    let answer = answer.and_then(reqwest_012::Response::error_for_status);
    let order = match answer {
        Ok(answer) => answer.text().await,
        Err(error) => Err(error),
    };
    order.map_err(|error| {
        tracing::warn!(error = %error, "no order");
        StatusCode::BAD_GATEWAY
    })
}
