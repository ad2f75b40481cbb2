//! The database: opened, migrated and measured before the first request. Queries are in the modules that ask them.

{% if store == "sqlite" -%}
use std::{fs::File, io, time::Duration};
{%- else -%}
use std::time::Duration;
{%- endif %}

use firstlight::Readiness;
use sqlx::{
{%- if store == "postgres" %}
    ConnectOptions as _,
{%- endif %}
    migrate::{MigrateError, Migrator},
    pool::PoolOptions,
{%- if store == "sqlite" %}
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
{%- else %}
    postgres::PgConnectOptions,
{%- endif %}
};
{%- if store == "postgres" %}
use tokio::time::timeout;
{%- endif %}

use crate::config::Config;

/// The kind of database.
pub type Db = sqlx::{% if store == "sqlite" %}Sqlite{% else %}Postgres{% endif %};
/// The pool. Clones are the same pool.
pub type Store = sqlx::Pool<Db>;
/// What a query runs on: a connection, or a transaction on it.
pub type Connection = <Db as sqlx::Database>::Connection;

/// How long a request waits for a connection before it is answered with 503: longer than a busy moment, and shorter than
/// the client waits, who would otherwise find out later and less clearly.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Why there is no database, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("DATABASE_URL: expected {% if store == "sqlite" %}a file such as sqlite://service.db{% else %}an address such as postgres://user@host/database{% endif %}")]
    Url(#[source] sqlx::Error),
    #[error("DATABASE_URL: cannot open the database; {% if store == "sqlite" %}is its folder there, and writable?{% else %}is it up, and does it know the user?{% endif %}")]
    Open(#[source] sqlx::Error),
{%- if store == "postgres" %}
    #[error(
        "DATABASE_MAX_CONNECTIONS: found {pool}, expected that PostgreSQL has room for these and one more of each process, and it admits no further connection; lower it, run fewer processes, or raise the limit of the server, the database or the role"
    )]
    Full { pool: u32, source: sqlx::Error },
{%- endif %}
    #[error("cannot migrate the database; a newer version of the service may have been there")]
    Migrate(#[from] MigrateError),
}

/// Opens the database, brings it up to date, and lets the readiness probe and the metrics page see it.
pub async fn open(config: &Config, readiness: &Readiness) -> Result<Store, StoreError> {
{%- if store == "sqlite" %}
    let _alone = alone(config).await?;
{%- endif %}
    let store = connect(config).await?;
    migrate(&store).await?;
{%- if store == "postgres" %}
    warn_of_too_many(&store, config).await;
{%- endif %}
    // It writes a row now and then, and sees when requests find that nothing can be stored. A service that only reads takes
    // `reachable` instead: a full disk is no reason to take its requests away.
    readiness.register("database", firstlight::sqlx::writable(&store));
    Ok(store)
}

/// Opens the database, and nothing more.
pub async fn connect(config: &Config) -> Result<Store, StoreError> {
    let url = config.database_url.expose();
{%- if store == "sqlite" %}
    let options: SqliteConnectOptions = url.parse().map_err(StoreError::Url)?;
    let options = options
        .create_if_missing(true)
        // Readers and the one writer don't wait for each other. What is committed stays on the disk over a power cut:
        // sqlx leaves `synchronous` at FULL.
        .journal_mode(SqliteJournalMode::Wal);
{%- else %}
    let options: PgConnectOptions = url.parse().map_err(StoreError::Url)?;
    // Who it is, in pg_stat_activity and in the server's log.
    let options = options.application_name(env!("CARGO_PKG_NAME"));
{%- endif %}
    let pool = firstlight::sqlx::measured(PoolOptions::<Db>::new());
{%- if store == "sqlite" %}
    let pool = firstlight::sqlx::follow_file(pool, options.get_filename());
{%- endif %}
    let store = pool
        .max_connections(config.database_max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options.clone())
        .await;
{%- if store == "sqlite" %}
    let store = store.map_err(StoreError::Open)?;
    // Once it has been there, a file that is missing is an error: an empty one in its place would take orders that are lost
    // when the other is brought back.
    store.set_connect_options(options.create_if_missing(false));
{%- else %}
    let store = match store {
        Ok(store) => store,
        Err(sqlx::Error::PoolTimedOut) => return Err(unopened(config, &options).await),
        Err(error) => return Err(StoreError::Open(error)),
    };
{%- endif %}
    firstlight::sqlx::observe(&store);
    Ok(store)
}
{%- if store == "postgres" %}

/// Why the pool got no connection. It tries again until its time-out, and does not say what the server answered.
async fn unopened(config: &Config, options: &PgConnectOptions) -> StoreError {
    match timeout(ACQUIRE_TIMEOUT, options.connect()).await {
        Ok(Err(source)) if is_full(&source) => StoreError::Full {
            pool: config.database_max_connections,
            source,
        },
        Ok(Err(error)) => StoreError::Open(error),
        Ok(Ok(_)) | Err(_) => StoreError::Open(sqlx::Error::PoolTimedOut),
    }
}

/// `too_many_connections`: of the server, the database, or the role.
fn is_full(error: &sqlx::Error) -> bool {
    let said = error.as_database_error();
    said.is_some_and(|said| said.code().as_deref() == Some("53300"))
}
{%- endif %}
{%- if store == "postgres" %}

/// Connections that the server leaves to this role and database, used ones included.
const ADMITTED: &str = "
SELECT least(
    current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true), '0')::int,
    (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()),
    (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = session_user)
)";

/// Warns if the connections of all processes do not fit into the server: twice as many as there are, because old ones still
/// drain while new ones start, each with one more than its pool for its readiness check.
async fn warn_of_too_many(store: &Store, config: &Config) {
    let (processes, pool) = (config.database_processes, config.database_max_connections);
    let needed = 2 * u128::from(processes) * (u128::from(pool) + 1);
    let asked = sqlx::query_scalar::<_, i32>(ADMITTED);
    let admitted = match asked.fetch_one(store).await {
        Ok(admitted) => u128::try_from(admitted).unwrap_or_default(),
        Err(error) => {
            tracing::warn!("cannot ask how many connections there may be: {error}");
            return;
        }
    };
    if needed > admitted {
        tracing::warn!(
            "PostgreSQL admits {admitted} connections, and while a deploy replaces {processes} processes (DATABASE_PROCESSES), each with a pool of {pool} (DATABASE_MAX_CONNECTIONS), they take up to {needed}; lower one of the two, or raise max_connections"
        );
    }
}
{%- endif %}
{%- if store == "sqlite" %}

/// Waits until no other process opens and migrates this database, and keeps others from it until it is dropped. For PostgreSQL, sqlx
/// takes a lock of the database's; SQLite has none that outlasts a transaction, and of two processes that start at once one
/// would fail: at a table that the other has just made, or at its turn to the write-ahead log.
///
/// The lock is a file of its own, because closing the database's would give up SQLite's locks on that. A process that is
/// killed loses it to the next.
async fn alone(config: &Config) -> Result<File, StoreError> {
    let url = config.database_url.expose();
    let options: SqliteConnectOptions = url.parse().map_err(StoreError::Url)?;
    let mut path = options.get_filename().as_os_str().to_owned();
    path.push("-lock");
    let lock = move || {
        let file = File::create(path)?;
        file.lock()?;
        Ok(file)
    };
    let locked = tokio::task::spawn_blocking(lock).await;
    let locked = locked.unwrap_or_else(|ended| Err(io::Error::other(ended)));
    locked.map_err(|error| StoreError::Open(error.into()))
}

/// Each step is one transaction, so that a start that is cut short goes on where it ended.
{%- else %}

/// Under an advisory lock: of several replicas that start at once, one migrates, and the others wait for it.
{%- endif %}
async fn migrate(store: &Store) -> Result<(), MigrateError> {
    MIGRATIONS.run(store).await?;
{%- if worker %}
    firstlight::jobs::apalis::migrations::<Db>()
        .run(store)
        .await?;
{%- endif %}
    Ok(())
}
