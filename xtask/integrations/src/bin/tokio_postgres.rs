//! tokio-postgres with `db::client`: a span and a sample of each query.
//!
//! `DATABASE_URL=postgres://localhost/orders cargo run --bin tokio_postgres`, then `curl localhost:8080/orders`.

use std::{env, error::Error, process::ExitCode, sync::Arc};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use firstlight::{InitError, db, http::TelemetryLayer};
use tokio::net::TcpListener;
use tokio_postgres::{Client, NoTls};

#[tokio::main]
async fn main() -> Result<ExitCode, InitError> {
    let telemetry = firstlight::init!()?;
    Ok(telemetry.finish(serve().await))
}

/// The client, and what instruments its queries.
#[derive(Clone)]
struct Store {
    client: Arc<Client>,
    calls: db::Client,
}

async fn serve() -> Result<(), Box<dyn Error + Send + Sync>> {
    let url = env::var("DATABASE_URL")?;
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    tokio::spawn(connection);
    client
        .batch_execute("CREATE TABLE IF NOT EXISTS orders (id int PRIMARY KEY, item text NOT NULL)")
        .await?;
    let store =
        Store {
            client: Arc::new(client),
            calls: db::client("postgresql").url(&url).status_code(
                |error: &tokio_postgres::Error| error.code().map(|code| code.code().to_owned()),
            ),
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
    Ok(())
}

/// Runs one query for each order, which firstlight reports as an N+1.
async fn orders(State(store): State<Store>) -> Result<String, StatusCode> {
    let sql = "SELECT item FROM orders WHERE id = $1";
    let mut items = String::new();
    for id in 1..=12 {
        let row = async { store.client.query_opt(sql, &[&id]).await };
        let row = store.calls.query(sql, row).await.map_err(failed)?;
        items.extend(row.map(|row| row.get::<_, String>(0)));
    }
    Ok(items)
}

/// Places an order, which exists the second time: the error's SQLSTATE is 23505.
async fn place(State(store): State<Store>) -> Result<StatusCode, StatusCode> {
    let sql = "INSERT INTO orders (id, item) VALUES (7, 'telescope')";
    let placed = store.client.execute(sql, &[]);
    store.calls.query(sql, placed).await.map_err(failed)?;
    Ok(StatusCode::CREATED)
}

fn failed(error: tokio_postgres::Error) -> StatusCode {
    tracing::error!(error = &error as &dyn Error, "the query failed");
    StatusCode::INTERNAL_SERVER_ERROR
}
