//! The connections of the instrumented pools: idle, used, and the limit.
//!
//! They are read at each scrape. The number of waiting callers is missing, because sqlx does not
//! expose it. `metrics` has the waits that ended with a connection, and counts timeouts of
//! instrumented calls.

#[cfg(feature = "sqlx")]
use std::pin::Pin;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "constructed by programs, and a further number would have no source in most pools"
)]
pub struct Connections {
    /// The number of connections that no caller uses.
    pub idle: u32,
    /// The number of connections that callers use.
    pub used: u32,
    /// The largest number of connections.
    pub max: u32,
}

/// A pool, as closures that know its type.
pub(crate) struct InstrumentedPool {
    pub(crate) name: String,
    /// Returns `None` once the pool is closed.
    pub(crate) read: Box<dyn Fn() -> Option<Connections> + Send + Sync>,
    /// `None` for a pool whose statements are not those of sqlx's events.
    pub(crate) statements: Option<StatementPool>,
}

/// What is known of a pool of sqlx.
pub(crate) struct StatementPool {
    pub(crate) server: Server,
    /// The identity, by which a use of a connection names the pool.
    pub(crate) key: Box<dyn Fn() -> PoolKey + Send + Sync>,
    /// Opens and closes a connection outside the pool.
    #[cfg(feature = "sqlx")]
    pub(crate) open: Option<Box<dyn Fn() -> OpenFuture + Send + Sync>>,
}

impl InstrumentedPool {
    /// The identity of a pool of sqlx.
    fn key(&self) -> Option<PoolKey> {
        Some((self.statements.as_ref()?.key)())
    }

    /// Reads the connections; `None` once the pool is closed.
    ///
    /// The closure may be the program's, so it is called without a lock, and a panic counts as closed.
    fn connections(&self) -> Option<Connections> {
        catch_unwind(AssertUnwindSafe(|| (self.read)()))
            .ok()
            .flatten()
    }
}

/// The identity of a pool: an address that lives as long as the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PoolKey(usize);

impl PoolKey {
    #[cfg(any(feature = "sqlx", feature = "sqlx-08"))]
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
    /// Whether it is a pool of sqlx.
    ///
    /// Its events say which roots have acquired a connection.
    pub(crate) has_events: bool,
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
    let pools = open_pools();
    let of_statements = pools.iter().filter(|(pool, _)| pool.statements.is_some());
    let is_only_one = of_statements.count() == 1;
    let mut found: Vec<_> = (pools.iter())
        .map(|(pool, connections)| {
            let statements = pool.statements.as_ref();
            let key = pool.key();
            // With one pool, all uses are of it.
            let is_of_pool = |found: &mut ConnectionUse| match found.pool {
                Some(pool) => Some(pool) == key,
                None => statements.is_some() && is_only_one,
            };
            PoolUses {
                pool: Some(pool.name.clone()),
                used: connections.used,
                max: connections.max,
                has_events: statements.is_some(),
                uses: uses.extract_if(.., is_of_pool).collect(),
            }
        })
        .collect();
    if !uses.is_empty() {
        found.push(PoolUses {
            pool: None,
            used: 0,
            max: 0,
            has_events: true,
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

static POOLS: Mutex<Vec<Arc<InstrumentedPool>>> = Mutex::new(Vec::new());

fn lock() -> MutexGuard<'static, Vec<Arc<InstrumentedPool>>> {
    POOLS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the pools with their connections, and forgets those that are closed.
fn open_pools() -> Vec<(Arc<InstrumentedPool>, Connections)> {
    // Copied, because the closures are called without the lock.
    let pools = lock().clone();
    let read = |pool: &Arc<InstrumentedPool>| Some((Arc::clone(pool), pool.connections()?));
    let open: Vec<_> = pools.iter().filter_map(read).collect();
    if open.len() < pools.len() {
        let is_closed = |pool: &Arc<InstrumentedPool>| {
            pools.iter().any(|read| Arc::ptr_eq(read, pool))
                && !open.iter().any(|(open, _)| Arc::ptr_eq(open, pool))
        };
        let mut pools = lock();
        // Dropped below, without the lock, because the drop runs code of the program.
        let closed: Vec<_> = pools.extract_if(.., |pool| is_closed(pool)).collect();
        publish_common_attributes(&pools);
        drop(pools);
        drop(closed);
    }
    open
}

fn publish_common_attributes(pools: &[Arc<InstrumentedPool>]) {
    let named: Vec<_> = (pools.iter())
        .filter_map(|pool| Some((&pool.statements.as_ref()?.server, &*pool.name)))
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
/// Two pools cannot share a series. A warning tells of a removed pool that is another one and open.
pub(crate) fn add(added: InstrumentedPool) {
    // The attributes are to be those of open pools alone.
    drop(open_pools());
    let added_key = added.key();
    let mut pools = lock();
    let is_replaced = |pool: &mut Arc<InstrumentedPool>| pool.name == added.name;
    let replaced: Vec<_> = pools.extract_if(.., is_replaced).collect();
    pools.push(Arc::new(added));
    publish_common_attributes(&pools);
    drop(pools);
    for pool in replaced.iter().filter(|pool| pool.key() != added_key) {
        tracing::warn!(
            target: "firstlight",
            "the metrics of the pool {} are now those of another pool of the same name, and the first is still open: \
             give each a name, with `instrument_pool_as`, or close the first",
            pool.name
        );
    }
    drop(replaced);
}

/// Exports the connections of a pool of any client.
///
/// The metrics are `db_client_connection_count` and `db_client_connection_limit`, with this name. The function is called
/// at each scrape, and must not block. It returns `None` once the pool is closed, which ends the metrics. The pool
/// replaces an earlier pool of the same name.
///
/// ```
/// use firstlight::db::Connections;
///
/// # struct Pool;
/// # impl Pool {
/// #     fn is_closed(&self) -> bool { false }
/// #     fn idle(&self) -> u32 { 1 }
/// #     fn used(&self) -> u32 { 2 }
/// # }
/// # let pool = std::sync::Arc::new(Pool);
/// let pool = std::sync::Arc::clone(&pool);
/// firstlight::db::instrument_pool("orders", move || {
///     (!pool.is_closed()).then(|| Connections { idle: pool.idle(), used: pool.used(), max: 10 })
/// });
/// ```
pub fn instrument_pool(
    name: impl Into<String>,
    connections: impl Fn() -> Option<Connections> + Send + Sync + 'static,
) {
    add(InstrumentedPool {
        name: name.into(),
        read: Box::new(connections),
        statements: None,
    });
}

/// Returns a connection attempt for each pool of a server.
///
/// Pools of SQLite files are skipped, because no server can refuse their connections.
#[cfg(feature = "sqlx")]
pub(crate) fn extra_connections() -> Vec<ExtraConnection> {
    let attempt = |(pool, _): &(Arc<InstrumentedPool>, Connections)| {
        let statements = pool.statements.as_ref();
        let on_server = statements.filter(|statements| statements.server.system != "sqlite")?;
        Some(ExtraConnection {
            pool: pool.name.clone(),
            opened: (on_server.open.as_ref()?)(),
        })
    };
    open_pools().iter().filter_map(attempt).collect()
}

/// Collects the metrics of all pools.
#[derive(Debug)]
pub(crate) struct PoolCollector;

impl Collector for PoolCollector {
    fn collect(&self, samples: &mut dyn Samples) {
        for (pool, connections) in open_pools() {
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
