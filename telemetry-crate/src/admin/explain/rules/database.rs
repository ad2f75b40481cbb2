//! Rules about the pools of database connections.

use super::{Evidence, Finding, Severity, seconds};
use crate::catalog;

const POOL: &str = "db_client_connection_pool_name";

/// The number of holders that a finding shows.
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
        let holders = pools.flat_map(|pool| pool.users.iter().filter(|user| user.holds));
        let shown = holders.take(SHOWN).map(|user| {
            let id = user
                .trace_id
                .map_or_else(String::new, |id| format!(" (trace {id})"));
            let lasts = seconds(user.lasts as f64 / 1e9);
            format!(
                "{} holds one for {lasts}: {}{id}",
                user.root_name, user.what
            )
        });
        let finding = Finding::new(Severity::Broken, what).shown_by(shown);
        Some(
            finding
                .next("/traces?open")
                .runbook("DatabasePoolExhausted"),
        )
    });
    exhausted.collect()
}
