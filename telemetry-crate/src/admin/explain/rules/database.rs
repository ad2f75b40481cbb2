//! Rules about the pools of database connections.

use super::{Evidence, Finding, Severity};
use crate::catalog;

const POOL: &str = "db_client_connection_pool_name";

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
        let finding = Finding::new(Severity::Broken, what);
        Some(
            finding
                .next("/traces?open")
                .runbook("DatabasePoolExhausted"),
        )
    });
    exhausted.collect()
}
