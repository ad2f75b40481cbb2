//! Pools of sqlx 0.8: their metrics, and the attributes of their database.
//!
//! Statements of sqlx 0.8 become spans, samples and warnings without a change to the program, as [`db`](crate::db) says.
//! This module adds the gauges of a pool, the waits for its connections, and the attributes of its database.
//!
//! ```no_run
//! # use sqlx_08::{Database, Error, pool::PoolOptions};
//! # async fn example<DB: Database>(options: PoolOptions<DB>) -> Result<(), Error> {
//! let pool = firstlight::sqlx_08::instrument_options(options.max_connections(10))
//!     .connect("postgres://orders@localhost/orders")
//!     .await?;
//! firstlight::sqlx_08::instrument_pool(&pool);
//! # Ok(())
//! # }
//! ```
//!
//! # Limits
//!
//! The module `firstlight::sqlx` for sqlx 0.9 does more: instrumented calls with their errors, transactions, readiness
//! checks, connections that are closed in the middle of a transaction, and databases that a service owns. A call of
//! sqlx 0.8 has its error if [`db::Client::query`](crate::db::Client::query) wraps it. It still is one span and one sample.

use std::time::Duration;

use log::LevelFilter;
use sqlx_08::{ConnectOptions as _, Connection, Database, Pool, pool::PoolOptions};

use crate::db::{Connections, InstrumentedPool, PoolKey, Server, StatementPool, add_pool};

/// The limit of [`close`]; requests and jobs have ended before it is called.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Exports metrics of a pool, and adds its database to the spans of statements.
///
/// The metrics are `db_client_connection_count` and `db_client_connection_limit`. The spans get
/// attributes with the database's system, name, address and port, which sqlx's events do not have.
///
/// The pool is named as the conventions say, `db:5432/orders`, or by its system if it has no address;
/// [`instrument_pool_as`] gives it another name, which one of two pools of the same database needs: a
/// pool replaces an earlier one of its name. firstlight keeps a clone of the pool until the
/// pool is closed. So close it with [`Pool::close`], because dropping it closes no connections.
/// `instrument_pool` has the same effect before and after `init()`.
pub fn instrument_pool<DB: Database>(pool: &Pool<DB>) {
    let server = server::<DB>(&pool.connect_options());
    let name = server.default_pool_name();
    add(pool, server, name);
}

/// Instruments a pool like [`instrument_pool`], under the given name.
///
/// Use it for one of several pools of the same database. The pool replaces an earlier pool of the same name.
pub fn instrument_pool_as<DB: Database>(pool: &Pool<DB>, name: impl Into<String>) {
    let server = server::<DB>(&pool.connect_options());
    add(pool, server, name.into());
}

/// Instruments the pools that these options open: waits for connections.
///
/// The metric is `db_client_connection_wait_time_seconds`. This costs one event for each call. Only the level
/// [`acquire_time_level`](PoolOptions::acquire_time_level) is set. `connect` waits for the first connection before the
/// pool can be instrumented, so that wait has no pool name.
///
/// The same function for sqlx 0.9 also closes connections that are returned in the middle of a transaction.
pub fn instrument_options<DB: Database>(options: PoolOptions<DB>) -> PoolOptions<DB> {
    options.acquire_time_level(LevelFilter::Debug)
}

/// Closes a pool, and waits up to 1 s for connections that are still in use.
///
/// [`Pool::close`] alone waits without a limit for a connection that is never returned.
pub async fn close<DB: Database>(pool: &Pool<DB>) {
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, pool.close()).await;
}

/// The server of the connect options.
fn server<DB: Database>(options: &<DB::Connection as Connection>::Options) -> Server {
    let server = Server::of_driver(DB::NAME);
    // An SQLite file has no address.
    if server.system == "sqlite" {
        return server;
    }
    server.at(options.to_url_lossy().as_str())
}

fn add<DB: Database>(pool: &Pool<DB>, server: Server, name: String) {
    let (pool, other) = (pool.clone(), pool.clone());
    add_pool(InstrumentedPool {
        name,
        read: Box::new(move || read(&pool)),
        statements: Some(StatementPool {
            server,
            key: Box::new(move || PoolKey::of(&other.connect_options())),
            #[cfg(feature = "sqlx")]
            open: None,
        }),
    });
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
