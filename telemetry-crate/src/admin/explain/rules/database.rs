//! Rules about the pools of database connections.

use super::{Evidence, Finding, Severity, seconds};
use crate::{
    admin::recent::{PoolState, User},
    catalog,
};

const POOL: &str = "db_client_connection_pool_name";

/// The wait in seconds from which a full pool is exhausted.
///
/// A pool of one connection is full whenever it is used, and another call then waits for a moment. The value is a third
/// of the time that a call waits by default.
const WAITED: f64 = 1.0;

/// The time in seconds after which a full pool is found without a wait.
///
/// None of its connections was free in that time. A call waits for as long by default.
const HELD: f64 = 3.0;

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
        let pools = evidence.live.pools.iter();
        let mut of_name = pools.clone();
        let pool = of_name.find(|pool| pool.name.as_deref() == Some(name));
        // For a call without a name, it is not known which of several pools it uses.
        let pools = pools.filter(|pool| pool.name.as_deref().is_none_or(|other| other == name));
        let users: Vec<&User> = pools.flat_map(|pool| &pool.users).collect();
        let waits = users.iter().any(|user| has_waited(user, &users));
        let used = format!("{} of {} connections are used", used.value, limit.value);
        let held = users.iter().filter(|user| user.holds);
        let held = held.map(|user| user.lasts as f64 / 1e9);
        let held = held.fold(f64::INFINITY, f64::min);
        let has_unseen = pool.is_none_or(|pool| pool.unseen > 0);
        let finding = if waits {
            let what = format!("the pool {name} is exhausted: {used}");
            Finding::new(Severity::Broken, what)
        } else if held.is_finite() && held >= HELD {
            let held = seconds(held);
            let what = if has_unseen {
                format!(
                    "the pool {name} is full: {used}, and those whose use is seen are held for {held} or longer"
                )
            } else {
                // A call that came meanwhile has got no connection.
                format!("the pool {name} is full: {used}, and none was free for {held}")
            };
            Finding::new(Severity::Warning, what)
        } else if has_unseen {
            // Code whose use is not seen may wait as well.
            let what = format!("the pool {name} is full: {used}, and not all waits are seen");
            Finding::new(Severity::Note, what)
        } else {
            return None;
        };
        let shown = pool.into_iter().flat_map(users_of);
        let finding = finding.shown_by(shown);
        Some(
            finding
                .next("/traces?open")
                .runbook("DatabasePoolExhausted"),
        )
    });
    exhausted.collect()
}

/// Whether a call waits for a connection, and not just for a moment.
///
/// What may be a wait is none if the root holds a connection that the call may use.
fn has_waited(user: &User, users: &[&User]) -> bool {
    let is_long = user.lasts as f64 / 1e9 >= WAITED;
    let mut holders = users.iter().filter(|other| other.holds);
    let is_use =
        user.is_assumed && holders.any(|other| other.root.is_some() && other.root == user.root);
    !user.holds && is_long && !is_use
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
    let holders: Vec<_> = pool.users.iter().filter(|user| user.holds).collect();
    let shown = holders.iter().take(SHOWN);
    let mut lines: Vec<_> = shown.map(|user| line(user, "holds one")).collect();
    if holders.len() > SHOWN {
        lines.push(format!("and {} more hold one", holders.len() - SHOWN));
    }
    if pool.unseen > 0 {
        let unseen = pool.unseen;
        lines.push(format!(
            "{unseen} held by code whose use is not seen, such as canceled calls whose statement still runs (/traces?canceled)"
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
