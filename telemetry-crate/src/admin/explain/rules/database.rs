//! Rules about the pools of database connections.

use super::{Evidence, Finding, Severity, seconds};
use crate::{
    admin::recent::{PoolState, User},
    catalog,
};

const POOL: &str = "db_client_connection_pool_name";

/// The number of holders, and of possible ones, that a finding shows.
const SHOWN: usize = 5;

const STATE: &str = "db_client_connection_state";

pub(super) fn pools(evidence: &Evidence<'_>) -> Vec<Finding> {
    let limits = evidence.samples.of(&catalog::DB_CLIENT_CONNECTION_LIMIT);
    let exhausted = limits.filter_map(|limit| {
        let name = limit.label(POOL);
        let mut counts = evidence.samples.of(&catalog::DB_CLIENT_CONNECTION_COUNT);
        let used =
            counts.find(|count| count.label(POOL) == name && count.label(STATE) == "used")?;
        let is_exhausted = limit.value > 0.0 && used.value >= limit.value;
        if !is_exhausted {
            return None;
        }
        let what = format!(
            "the pool {name} is exhausted: {} of {} connections are used",
            used.value, limit.value
        );
        let pools = evidence.live.pools.iter();
        let pools = pools.filter(|pool| pool.name.as_deref() == Some(name));
        let shown = pools.flat_map(users_of);
        let finding = Finding::new(Severity::Broken, what).shown_by(shown);
        Some(
            finding
                .next("/traces?open")
                .runbook("DatabasePoolExhausted"),
        )
    });
    exhausted.collect()
}

/// Who holds the connections of a pool, who may hold them, and who waits.
fn users_of(pool: &PoolState) -> Vec<String> {
    let line = |user: &User, state: &str| {
        let id = user.trace_id;
        let id = id.map_or_else(String::new, |id| format!(" (trace {id})"));
        let lasts = seconds(user.lasts as f64 / 1e9);
        let (name, what) = (&user.root_name, &user.what);
        format!("{name} {state} for {lasts}: {what}{id}")
    };
    let holders = pool.users.iter().filter(|user| user.holds).take(SHOWN);
    let mut lines: Vec<_> = holders.map(|user| line(user, "holds one")).collect();
    if pool.unseen > 0 {
        let unseen = pool.unseen;
        lines.push(format!(
            "{unseen} held by code whose use is not seen, such as canceled calls whose statement still runs"
        ));
    }
    let possible = pool.possible.iter().take(SHOWN);
    lines.extend(possible.map(|user| line(user, "may hold one")));
    let waiting: Vec<_> = pool.users.iter().filter(|user| !user.holds).collect();
    if let Some(longest) = waiting.first() {
        let longest = line(longest, "waits");
        lines.push(format!(
            "waiting: {}, the first one: {longest}",
            waiting.len()
        ));
    }
    lines
}
