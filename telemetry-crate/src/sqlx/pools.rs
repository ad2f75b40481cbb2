//! The connections of the pools: idle, used, and how many there may be.
//!
//! Read when somebody asks. What it leaves out: how many wait for one, which sqlx keeps to itself; waits that have ended
//! are measured, and so are those that were given up.

use std::sync::{Mutex, MutexGuard, PoisonError};

use sqlx::{Database, Pool};

use super::server::{Server, know};
use crate::metrics::{Collector, Page, catalog};

/// What a pool has at the moment.
#[derive(Debug, Clone, Copy)]
struct Connections {
    idle: u32,
    used: u32,
    max: u32,
}

struct Observed {
    name: String,
    server: Server,
    /// `None` once the pool is closed.
    read: Box<dyn Fn() -> Option<Connections> + Send + Sync>,
}

static POOLS: Mutex<Vec<Observed>> = Mutex::new(Vec::new());

fn pools() -> MutexGuard<'static, Vec<Observed>> {
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let before = pools.len();
    pools.retain(|pool| (pool.read)().is_some());
    if pools.len() < before {
        know_of(&pools);
    }
    pools
}

fn know_of(pools: &[Observed]) {
    let named: Vec<_> = (pools.iter())
        .map(|pool| (&pool.server, &*pool.name))
        .collect();
    know(&named);
}

/// A second pool of the same name takes the place of the first: two cannot share a series.
pub(super) fn add<DB: Database>(pool: &Pool<DB>, name: Option<String>) {
    let server = Server::of(pool);
    let name = name.unwrap_or_else(|| server.default_pool_name());
    let pool = pool.clone();
    let mut pools = pools();
    pools.retain(|pool| pool.name != name);
    pools.push(Observed {
        name,
        server,
        read: Box::new(move || read(&pool)),
    });
    know_of(&pools);
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
    fn collect(&self, page: &mut Page) {
        for pool in pools().iter() {
            let Some(connections) = (pool.read)() else {
                continue;
            };
            let name = ("db_client_connection_pool_name", &*pool.name);
            let states = [("idle", connections.idle), ("used", connections.used)];
            for (state, count) in states {
                page.sample(
                    &catalog::DB_CLIENT_CONNECTION_COUNT,
                    &[name, ("db_client_connection_state", state)],
                    f64::from(count),
                );
            }
            page.sample(
                &catalog::DB_CLIENT_CONNECTION_MAX,
                &[name],
                f64::from(connections.max),
            );
        }
    }
}
