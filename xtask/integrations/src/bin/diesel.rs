//! diesel with `db::client`: spans and samples of queries, gauges of a pool.
//!
//! `DATABASE_URL=postgres://localhost/orders cargo run --bin diesel`, then `curl localhost:8080/orders`.

use std::{env, error::Error, process::ExitCode};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use diesel::{pg::Pg, prelude::*, result::Error::DatabaseError};
use diesel_async::{
    AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection as _,
    pooled_connection::{AsyncDieselConnectionManager, deadpool::Pool},
};
use firstlight::{InitError, db, http::TelemetryLayer};
use tokio::net::TcpListener;

diesel::table! {
    orders (id) {
        id -> Integer,
        item -> Text,
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode, InitError> {
    let telemetry = firstlight::init!()?;
    Ok(telemetry.finish(serve().await))
}

/// The pool, and what instruments its queries.
#[derive(Clone)]
struct Store {
    pool: Pool<AsyncPgConnection>,
    calls: db::Client,
}

async fn serve() -> Result<(), Box<dyn Error + Send + Sync>> {
    let url = env::var("DATABASE_URL")?;
    let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new(&url);
    let pool = Pool::builder(manager).max_size(4).build()?;
    let table = "CREATE TABLE IF NOT EXISTS orders (id int PRIMARY KEY, item text NOT NULL)";
    pool.get().await?.batch_execute(table).await?;
    let observed = pool.clone();
    db::instrument_pool("orders", move || {
        let status = observed.status();
        (!observed.is_closed()).then_some(db::Connections {
            idle: status.available as u32,
            used: status.size.saturating_sub(status.available) as u32,
            max: status.max_size as u32,
        })
    });
    // diesel's errors have no SQLSTATE, but their kinds have names.
    let calls = db::client("postgresql")
        .url(&url)
        .status_code(|error| match error {
            DatabaseError(kind, _) => Some(format!("{kind:?}")),
            _ => None,
        });
    let app = Router::new()
        .route("/orders", get(list).post(place))
        .layer(TelemetryLayer::new())
        .with_state(Store { pool, calls });
    let address = env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    firstlight::http::serve(listener, app)
        .with_graceful_shutdown(firstlight::shutdown_signal())
        .await;
    Ok(())
}

async fn list(State(store): State<Store>) -> Result<String, StatusCode> {
    let mut connection = store.pool.get().await.map_err(failed)?;
    let query = orders::table.select(orders::item).filter(orders::id.eq(7));
    let sql = diesel::debug_query::<Pg, _>(&query).to_string();
    let items = store
        .calls
        .query(&sql, query.load::<String>(&mut connection));
    Ok(items.await.map_err(failed)?.join("\n"))
}

async fn place(State(store): State<Store>) -> Result<StatusCode, StatusCode> {
    let mut connection = store.pool.get().await.map_err(failed)?;
    let query =
        diesel::insert_into(orders::table).values((orders::id.eq(7), orders::item.eq("telescope")));
    let sql = diesel::debug_query::<Pg, _>(&query).to_string();
    let placed = query.execute(&mut connection);
    store.calls.query(&sql, placed).await.map_err(failed)?;
    Ok(StatusCode::CREATED)
}

fn failed(error: impl Error + 'static) -> StatusCode {
    tracing::error!(error = &error as &dyn Error, "the query failed");
    StatusCode::INTERNAL_SERVER_ERROR
}
