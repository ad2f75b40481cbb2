//! The database: connection pool, migrations and readiness check.
//!
//! Queries are in the modules that use them.

use std::time::Duration;

use firstlight::{
    Readiness,
    sqlx::{DatabaseOptions, ErrorClass, writable},
};

use crate::error::AppError;

/// The kind of database.
pub type Db = sqlx::{{database}};

/// The connection pool; clones share it.
pub type Store = sqlx::Pool<Db>;

/// Opens the database, runs the migrations, and registers the readiness check.
pub async fn open(options: &DatabaseOptions<Db>, ready: &Readiness) -> anyhow::Result<Store> {
    let migrations = sqlx::migrate!();
{%- if worker %}
    let of_the_queue = firstlight::jobs::apalis::migrations::<Db>();
    let store = options.open(&[migrations, of_the_queue]).await?;
{%- else %}
    let store = options.open(&[migrations]).await?;
{%- endif %}
    // `writable` writes a row from time to time, and also counts failed writes of requests. A service that only reads should
    // use `reachable` instead, which stays ready when the disk is full.
    ready.register("database", writable(&store));
    Ok(store)
}

/// Maps an error of a query to a status, for use with `?`.
///
/// 409 or 422 if the database refuses a value of the request, 503 if the database is unavailable, 500 otherwise.
impl From<sqlx::Error> for AppError {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(ErrorClass::of(&error).status(), error.into())
    }
}

/// Closes the pool, and waits up to 1 s for connections still in use.
pub async fn close(store: &Store) {
    let _ = tokio::time::timeout(Duration::from_secs(1), store.close()).await;
}
