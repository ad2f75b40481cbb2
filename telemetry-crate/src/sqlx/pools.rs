//! The connections of the pools: idle, used, and how many there may be.
//!
//! Read on a scrape. What it leaves out: how many wait for one, which sqlx keeps to itself; waits that have ended
//! are measured, and so are those that were given up.

use std::{
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
};

use log::LevelFilter;
use sqlx::{ConnectOptions as _, Connection as _, Database, Error, Pool};

use super::server::{Server, know};
use crate::{
    catalog,
    collector::{Collector, Samples},
};

/// What a pool has at the moment.
#[derive(Debug, Clone, Copy)]
struct Connections {
    idle: u32,
    used: u32,
    max: u32,
}

struct InstrumentedPool {
    name: String,
    server: Server,
    /// `None` once the pool is closed.
    read: Box<dyn Fn() -> Option<Connections> + Send + Sync>,
    open: Box<dyn Fn() -> Opened + Send + Sync>,
}

type Opened = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// One connection more than a pool has, which is closed again.
pub(super) struct Opening {
    /// The pool's name.
    pub(super) pool: String,
    pub(super) opened: Opened,
}

static POOLS: Mutex<Vec<InstrumentedPool>> = Mutex::new(Vec::new());

fn pools() -> MutexGuard<'static, Vec<InstrumentedPool>> {
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let before = pools.len();
    pools.retain(|pool| (pool.read)().is_some());
    if pools.len() < before {
        know_of(&pools);
    }
    pools
}

fn know_of(pools: &[InstrumentedPool]) {
    let named: Vec<_> = (pools.iter())
        .map(|pool| (&pool.server, &*pool.name))
        .collect();
    know(&named);
}

/// A second pool of the same name takes the place of the first: two cannot share a series.
pub(super) fn add<DB: Database>(pool: &Pool<DB>, name: Option<String>) {
    let server = Server::of(pool);
    let name = name.unwrap_or_else(|| server.default_pool_name());
    let (pool, other) = (pool.clone(), pool.clone());
    let mut pools = pools();
    pools.retain(|pool| pool.name != name);
    pools.push(InstrumentedPool {
        name,
        server,
        read: Box::new(move || read(&pool)),
        open: Box::new(move || open(&other)),
    });
    know_of(&pools);
}

/// Of all pools of servers. A file is opened or not, and does not refuse for a while.
pub(super) fn openings() -> Vec<Opening> {
    let pools = pools();
    let of_servers = pools.iter().filter(|pool| pool.server.system != "sqlite");
    let openings = of_servers.map(|pool| Opening {
        pool: pool.name.clone(),
        opened: (pool.open)(),
    });
    openings.collect()
}

fn open<DB: Database>(pool: &Pool<DB>) -> Opened {
    // Its statements are no work of the service.
    let options = (*pool.connect_options())
        .clone()
        .log_statements(LevelFilter::Off);
    Box::pin(async move { options.connect().await?.close().await })
}

fn read<DB: Database>(pool: &Pool<DB>) -> Option<Connections> {
    if pool.is_closed() {
        return None;
    }
    let size = pool.size();
    // Two readings of a number that changes meanwhile.
    let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX).min(size);
    Some(Connections {
        idle,
        used: size - idle,
        max: pool.options().get_max_connections(),
    })
}

/// Shows all of them.
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
