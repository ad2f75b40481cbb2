//! The database: connection pool, migrations and readiness check.

use firstlight::Readiness;
use firstlight::sqlx::{DatabaseOptions, ErrorClass, writable};

use crate::error::AppError;

/// The kind of database.
pub type Db = sqlx::{{database}};
/// The connection pool; clones share it.
pub type Store = sqlx::Pool<Db>;

/// Opens the database, runs the migrations, and registers the readiness check.
pub async fn open(options: &DatabaseOptions<Db>, ready: &Readiness) -> anyhow::Result<Store> {
{%- if worker %}
    let queue = firstlight::jobs::apalis::migrations::<Db>();
    let store = options.open(&[sqlx::migrate!(), queue]).await?;
{%- else %}
    let store = options.open(&[sqlx::migrate!()]).await?;
{%- endif %}
    // `writable` fails if a test row cannot be written, or a request just failed to write. A
    // service that only reads should use `reachable`, which passes even if the disk is full.
    ready.register("database", writable(&store));
    Ok(store)
}

/// 409 or 422 for a refused value, 503 for an unavailable database, else 500.
impl From<sqlx::Error> for AppError {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(ErrorClass::of(&error).status(), error.into())
    }
}
