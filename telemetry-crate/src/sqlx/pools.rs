//! sqlx's pools in the registry of instrumented pools.

use log::LevelFilter;
use sqlx::{ConnectOptions as _, Connection, Database, Pool};
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
use sqlx::{Error, pool::PoolOptions};

use super::failure::failure;
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
use crate::db::opening;
use crate::db::{
    Connections, InstrumentedPool, OpenFuture, PoolKey, Server, StatementPool, add_pool,
};

/// The key of a pool, which is the identity of its connect options.
pub(super) fn key<DB: Database>(pool: &Pool<DB>) -> PoolKey {
    PoolKey::of(&pool.connect_options())
}

/// The server of the connect options.
fn server<DB: Database>(options: &<DB::Connection as Connection>::Options) -> Server {
    let server = Server::of_driver(DB::NAME);
    // An SQLite file has no address, and sqlx panics for the URL of a database in memory.
    if server.system == "sqlite" {
        return server;
    }
    server.at(options.to_url_lossy().as_str())
}

/// Opens a pool, which is not instrumented yet.
///
/// The wait for its first connection has the default name of the pool, because `connect_with` waits for it before the pool
/// exists.
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
pub(super) async fn open_pool<DB: Database>(
    options: PoolOptions<DB>,
    connect: <DB::Connection as Connection>::Options,
) -> Result<Pool<DB>, Error> {
    let name = server::<DB>(&connect).default_pool_name();
    opening(name, options.connect_with(connect)).await
}

/// Adds a pool, and removes an earlier pool of the same name.
pub(super) fn add<DB: Database>(pool: &Pool<DB>, name: Option<String>) {
    let server = server::<DB>(&pool.connect_options());
    let name = name.unwrap_or_else(|| server.default_pool_name());
    let (pool, other, third) = (pool.clone(), pool.clone(), pool.clone());
    add_pool(InstrumentedPool {
        name,
        read: Box::new(move || read(&pool)),
        statements: Some(StatementPool {
            server,
            key: Box::new(move || key(&third)),
            open: Some(Box::new(move || open(&other))),
        }),
    });
}

fn open<DB: Database>(pool: &Pool<DB>) -> OpenFuture {
    // The statements of this connection are not part of the service's work.
    let options = (*pool.connect_options())
        .clone()
        .log_statements(LevelFilter::Off);
    let open = async move { options.connect().await?.close().await };
    Box::pin(async move { open.await.err().as_ref().and_then(failure) })
}

fn read<DB: Database>(pool: &Pool<DB>) -> Option<Connections> {
    if pool.is_closed() {
        return None;
    }
    let size = pool.size();
    // The numbers are read one after the other and may change in between, hence `min`.
    let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX).min(size);
    Some(Connections {
        idle,
        used: size - idle,
        max: pool.options().get_max_connections(),
    })
}
