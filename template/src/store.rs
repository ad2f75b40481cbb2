//! The database: opened, migrated and measured before the first request. Queries are in the modules that ask them.

use std::{borrow::Borrow, time::Duration};

use firstlight::{
    Readiness,
    sqlx::{DatabaseOptions, ErrorClass, writable},
};

use crate::error::AppError;

pub type Db = sqlx::{{database}};
/// The pool. Clones are the same pool.
pub type Store = sqlx::Pool<Db>;

/// Opens the database, brings it up to date, and lets the readiness probe see it.
pub async fn open(options: &DatabaseOptions<Db>, ready: &Readiness) -> anyhow::Result<Store> {
    let migrations = sqlx::migrate!();
{%- if worker %}
    let of_the_queue = firstlight::jobs::apalis::migrations::<Db>();
    let store = options.open(&[migrations, of_the_queue]).await?;
{%- else %}
    let store = options.open(&[migrations]).await?;
{%- endif %}
    // It writes a row now and then, and sees when requests find that nothing can be stored. A service that only reads takes
    // `reachable` instead: a full disk is no reason to take its requests away.
    ready.register("database", writable(&store));
    Ok(store)
}

/// For `?` behind queries: 409 or 422 if the database refuses what the request says, 503 if it is unavailable.
impl<E: Borrow<sqlx::Error> + Into<anyhow::Error>> From<E> for AppError {
    fn from(error: E) -> Self {
        Self::Failed(ErrorClass::of(error.borrow()).status(), error.into())
    }
}

/// What was cut may still hold a connection, and is not waited for.
pub async fn close(store: &Store) {
    let _ = tokio::time::timeout(Duration::from_secs(1), store.close()).await;
}
