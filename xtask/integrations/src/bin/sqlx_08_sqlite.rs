//! sqlx 0.8 on a file of SQLite.
//!
//! sqlx 0.8 and 0.9 cannot both have SQLite in one lock file, because both link its library.
//!
//! `DATABASE_URL=sqlite:orders.db cargo run --bin sqlx_08_sqlite`, then `curl localhost:8080/orders/7`.

use std::{env, error::Error, process::ExitCode, str::FromStr as _};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use firstlight::{
    InitError,
    http::TelemetryLayer,
    sqlx_08::{instrument_options, instrument_pool},
};
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<ExitCode, InitError> {
    let telemetry = firstlight::init!()?;
    Ok(telemetry.finish(serve().await))
}

async fn serve() -> Result<(), Box<dyn Error + Send + Sync>> {
    let file = SqliteConnectOptions::from_str(&env::var("DATABASE_URL")?)?.create_if_missing(true);
    let pool = instrument_options(SqlitePoolOptions::new().max_connections(2))
        .connect_with(file)
        .await?;
    instrument_pool(&pool);
    let table = "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL)";
    sqlx::query(table).execute(&pool).await?;
    let app = Router::new()
        .route("/orders/{id}", get(order).post(place))
        .layer(TelemetryLayer::new())
        .with_state(pool.clone());
    let address = env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    firstlight::http::serve(listener, app)
        .with_graceful_shutdown(firstlight::shutdown_signal())
        .await;
    firstlight::sqlx_08::close(&pool).await;
    Ok(())
}

async fn order(State(pool): State<SqlitePool>, Path(id): Path<i64>) -> Result<String, StatusCode> {
    let item = sqlx::query_scalar("SELECT item FROM orders WHERE id = ?").bind(id);
    let item: Option<String> = item.fetch_optional(&pool).await.map_err(failed)?;
    item.ok_or(StatusCode::NOT_FOUND)
}

async fn place(
    State(pool): State<SqlitePool>,
    Path(id): Path<i64>,
) -> Result<StatusCode, StatusCode> {
    let placed = sqlx::query("INSERT INTO orders (id, item) VALUES (?, 'telescope')").bind(id);
    placed.execute(&pool).await.map_err(failed)?;
    Ok(StatusCode::CREATED)
}

fn failed(error: sqlx::Error) -> StatusCode {
    tracing::error!(error = &error as &dyn Error, "the query failed");
    StatusCode::INTERNAL_SERVER_ERROR
}
