//! sqlx 0.8: its queries are unchanged, and its pool is instrumented.
//!
//! `DATABASE_URL=postgres://localhost/orders cargo run --bin sqlx_08`, then `curl localhost:8080/orders`.

use std::{env, error::Error, process::ExitCode};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use firstlight::{
    InitError, db,
    http::TelemetryLayer,
    sqlx_08::{instrument_options, instrument_pool},
};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<ExitCode, InitError> {
    let telemetry = firstlight::init!()?;
    Ok(telemetry.finish(serve().await))
}

/// The pool, and what instruments calls whose errors matter.
#[derive(Clone)]
struct Store {
    pool: PgPool,
    calls: db::Client,
}

async fn serve() -> Result<(), Box<dyn Error + Send + Sync>> {
    let url = env::var("DATABASE_URL")?;
    let pool = instrument_options(PgPoolOptions::new().max_connections(4))
        .connect(&url)
        .await?;
    instrument_pool(&pool);
    let table = "CREATE TABLE IF NOT EXISTS orders (id int PRIMARY KEY, item text NOT NULL)";
    sqlx::query(table).execute(&pool).await?;
    let store = Store {
        pool: pool.clone(),
        calls: db::client("postgresql")
            .url(&url)
            .status_code(|error| match error {
                sqlx::Error::Database(error) => error.code().map(Into::into),
                _ => None,
            }),
    };
    let app = Router::new()
        .route("/orders", get(orders).post(place))
        .layer(TelemetryLayer::new())
        .with_state(store);
    let address = env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    firstlight::http::serve(listener, app)
        .with_graceful_shutdown(firstlight::shutdown_signal())
        .await;
    firstlight::sqlx_08::close(&pool).await;
    Ok(())
}

/// Runs one query for each order, which firstlight reports as an N+1.
async fn orders(State(store): State<Store>) -> Result<String, StatusCode> {
    let mut items = String::new();
    for id in 1..=12 {
        let item = sqlx::query_scalar("SELECT item FROM orders WHERE id = $1").bind(id);
        let item: Option<String> = item.fetch_optional(&store.pool).await.map_err(failed)?;
        items.extend(item);
    }
    Ok(items)
}

/// Places an order; the wrapper adds the error, which sqlx's event does not have.
async fn place(State(store): State<Store>) -> Result<StatusCode, StatusCode> {
    let sql = "INSERT INTO orders (id, item) VALUES (7, 'telescope')";
    let placed = sqlx::query(sql).execute(&store.pool);
    store.calls.query(sql, placed).await.map_err(failed)?;
    Ok(StatusCode::CREATED)
}

fn failed(error: sqlx::Error) -> StatusCode {
    tracing::error!(error = &error as &dyn Error, "the query failed");
    StatusCode::INTERNAL_SERVER_ERROR
}
