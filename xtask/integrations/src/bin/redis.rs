//! Redis with `db::client`: a span and a sample of each command.
//!
//! `REDIS_URL=redis://127.0.0.1 cargo run --bin redis`, then `curl localhost:8080/visits`.

use std::{env, error::Error, process::ExitCode};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use firstlight::{InitError, db, http::TelemetryLayer};
use redis::{AsyncCommands as _, RedisError, RedisResult, aio::MultiplexedConnection};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<ExitCode, InitError> {
    let telemetry = firstlight::init!()?;
    Ok(telemetry.finish(serve().await))
}

/// The client, and what instruments its calls.
#[derive(Clone)]
struct Cache {
    connection: MultiplexedConnection,
    calls: db::Client,
}

async fn serve() -> Result<(), Box<dyn Error + Send + Sync>> {
    let url = env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379/0".to_owned());
    let client = redis::Client::open(&*url)?;
    let cache = Cache {
        connection: client.get_multiplexed_async_connection().await?,
        calls: db::client("redis")
            .url(&url)
            .status_code(|error: &RedisError| error.code().map(str::to_owned)),
    };
    let app = Router::new()
        .route("/visits", get(visits))
        .route("/mistake", get(mistake))
        .layer(TelemetryLayer::new())
        .with_state(cache);
    let address = env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    firstlight::http::serve(listener, app)
        .with_graceful_shutdown(firstlight::shutdown_signal())
        .await;
    Ok(())
}

async fn visits(State(mut cache): State<Cache>) -> Result<String, StatusCode> {
    let incremented = cache.connection.incr("visits", 1);
    let visits: RedisResult<u64> = cache
        .calls
        .call("INCR", incremented)
        .collection("visits")
        .await;
    visits.map(|visits| format!("{visits}\n")).map_err(failed)
}

/// Treats the number as a list, which is an error of Redis.
async fn mistake(State(mut cache): State<Cache>) -> Result<(), StatusCode> {
    let pushed = cache.connection.lpush("visits", "ada");
    cache.calls.call("LPUSH", pushed).await.map_err(failed)
}

fn failed(error: RedisError) -> StatusCode {
    tracing::error!(error = &error as &dyn Error, "redis failed");
    StatusCode::INTERNAL_SERVER_ERROR
}
