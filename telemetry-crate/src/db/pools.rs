//! The connections of the instrumented pools: idle, used, and the limit.
//!
//! They are read at each scrape. The number of waiting callers is missing, because sqlx does not
//! expose it. `metrics` has the waits that ended with a connection, and counts timeouts of
//! instrumented calls.

#[cfg(feature = "sqlx")]
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(feature = "sqlx")]
use super::failure::Failure;
use super::{
    connection_uses::{self, ConnectionUse, UseState},
    server::{Server, common_attributes, set_common_attributes},
};
use crate::{
    catalog,
    collector::{Collector, Samples},
};

/// The connections of a pool at the moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connections {
    pub(crate) idle: u32,
    pub(crate) used: u32,
    pub(crate) max: u32,
}

/// A pool, as closures that know its type.
pub(crate) struct InstrumentedPool {
    pub(crate) name: String,
    pub(crate) server: Server,
    /// Returns `None` once the pool is closed.
    pub(crate) read: Box<dyn Fn() -> Option<Connections> + Send + Sync>,
    pub(crate) key: Box<dyn Fn() -> PoolKey + Send + Sync>,
    /// Opens and closes a connection outside the pool.
    #[cfg(feature = "sqlx")]
    pub(crate) open: Box<dyn Fn() -> OpenFuture + Send + Sync>,
}

/// The identity of a pool: an address that lives as long as the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PoolKey(usize);

impl PoolKey {
    #[cfg(feature = "sqlx")]
    pub(crate) fn of<T>(identity: &Arc<T>) -> Self {
        Self(Arc::as_ptr(identity).addr())
    }
}

/// The uses of a pool's connections at the moment.
#[derive(Debug)]
pub(crate) struct PoolUses {
    /// The pool's name; `None` for uses of a pool that is not known.
    pub(crate) pool: Option<String>,
    pub(crate) used: u32,
    pub(crate) max: u32,
    /// The uses that are seen, the longest first.
    pub(crate) uses: Vec<ConnectionUse>,
}

impl PoolUses {
    /// The number of used connections whose holder is not seen.
    pub(crate) fn unseen(&self) -> u32 {
        let holders = self.uses.iter();
        let holders = holders.filter(|found| found.state == UseState::Holds);
        let holders = u32::try_from(holders.count()).unwrap_or(u32::MAX);
        self.used.saturating_sub(holders)
    }
}

/// Returns who uses the connections of the pools.
///
/// Also returns the number of uses since the start that are not listed.
pub(crate) fn pool_uses() -> (Vec<PoolUses>, u64) {
    let mut uses = connection_uses::all();
    let pools = pools();
    let mut found: Vec<_> = (pools.iter())
        .filter_map(|pool| {
            let connections = (pool.read)()?;
            let key = (pool.key)();
            // With one pool, all uses are of it.
            let is_of_pool =
                |found: &mut ConnectionUse| found.pool.map_or(pools.len() == 1, |pool| pool == key);
            Some(PoolUses {
                pool: Some(pool.name.clone()),
                used: connections.used,
                max: connections.max,
                uses: uses.extract_if(.., is_of_pool).collect(),
            })
        })
        .collect();
    drop(pools);
    if !uses.is_empty() {
        found.push(PoolUses {
            pool: None,
            used: 0,
            max: 0,
            uses,
        });
    }
    // A call that may wait does so only for a pool without free connections.
    let is_exhausted = |pool: &PoolUses| pool.max > 0 && pool.used >= pool.max;
    let any_exhausted = found.iter().any(is_exhausted);
    for pool in &mut found {
        let waits = match pool.pool {
            Some(_) => is_exhausted(pool),
            None => any_exhausted,
        };
        pool.uses
            .retain(|found| waits || found.state != UseState::MayWait);
    }
    (found, connection_uses::unlisted())
}

/// The opening of a connection; its output is the reason if it fails.
#[cfg(feature = "sqlx")]
pub(crate) type OpenFuture = Pin<Box<dyn Future<Output = Option<Failure>> + Send>>;

/// An extra connection outside the pool, which is closed at once.
#[cfg(feature = "sqlx")]
pub(crate) struct ExtraConnection {
    /// The pool's name.
    pub(crate) pool: String,
    pub(crate) opened: OpenFuture,
}

tokio::task_local! {
    /// The name of the pool that the task opens.
    static OPENING: String;
}

static POOLS: Mutex<Vec<InstrumentedPool>> = Mutex::new(Vec::new());

fn pools() -> MutexGuard<'static, Vec<InstrumentedPool>> {
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let before = pools.len();
    pools.retain(|pool| (pool.read)().is_some());
    if pools.len() < before {
        publish_common_attributes(&pools);
    }
    pools
}

fn publish_common_attributes(pools: &[InstrumentedPool]) {
    let named: Vec<_> = (pools.iter())
        .map(|pool| (&pool.server, &*pool.name))
        .collect();
    set_common_attributes(&named);
}

/// Runs a future whose waits for connections get this name.
///
/// The future opens the pool of that name. The pool is not instrumented yet, because it waits for its first connection
/// before it exists.
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
pub(crate) async fn opening<F: Future>(name: String, opened: F) -> F::Output {
    OPENING.scope(name, opened).await
}

/// Calls `record` with the pool's name for the wait of this task.
///
/// The name is `None` if there are several pools, because sqlx does not report the pool.
pub(super) fn with_pool_name(record: impl FnOnce(Option<&str>)) {
    match OPENING.try_with(String::clone) {
        Ok(opening) => record(Some(&opening)),
        Err(_) => record(common_attributes().pool.as_deref()),
    }
}

/// Adds a pool, and removes an earlier pool of the same name.
///
/// Two pools cannot share a series.
#[cfg(feature = "sqlx")]
pub(crate) fn add(added: InstrumentedPool) {
    let mut pools = pools();
    pools.retain(|pool| pool.name != added.name);
    pools.push(added);
    publish_common_attributes(&pools);
}

/// Returns a connection attempt for each pool of a server.
///
/// Pools of SQLite files are skipped, because no server can refuse their connections.
#[cfg(feature = "sqlx")]
pub(crate) fn extra_connections() -> Vec<ExtraConnection> {
    let pools = pools();
    let on_servers = pools.iter().filter(|pool| pool.server.system != "sqlite");
    let extra_connections = on_servers.map(|pool| ExtraConnection {
        pool: pool.name.clone(),
        opened: (pool.open)(),
    });
    extra_connections.collect()
}

/// Collects the metrics of all pools.
#[derive(Debug)]
pub(crate) struct PoolCollector;

impl Collector for PoolCollector {
    fn collect(&self, samples: &mut dyn Samples) {
        for pool in pools().iter() {
            let Some(connections) = (pool.read)() else {
                continue;
            };
            let name = ("db_client_connection_pool_name", &*pool.name);
            let states = [("idle", connections.idle), ("used", connections.used)];
            for (state, count) in states {
                samples.sample(
                    &catalog::DB_CLIENT_CONNECTION_COUNT,
                    &[name, ("db_client_connection_state", state)],
                    f64::from(count),
                );
            }
            samples.sample(
                &catalog::DB_CLIENT_CONNECTION_LIMIT,
                &[name],
                f64::from(connections.max),
            );
        }
    }
}
