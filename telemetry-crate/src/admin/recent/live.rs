//! What the open roots do at the moment.
//!
//! These are the connections that they hold or wait for, and the polls that last.

use std::time::Duration;

use opentelemetry::trace::{SpanId, TraceId};

use crate::{
    admin::time,
    recorder::{Recorder, RootView},
    runtime::LongPoll,
    status::Status,
};

/// A poll this long keeps other tasks from running.
const LONG_POLL: Duration = Duration::from_secs(1);

/// Maximum number of roots that are named as possible holders.
#[cfg(feature = "db")]
const MAX_POSSIBLE: usize = 10;

/// What is known at the moment.
#[derive(Debug, Default)]
pub(in crate::admin) struct Live {
    pub(in crate::admin) pools: Vec<PoolState>,
    /// Uses since the start that are not listed.
    pub(in crate::admin) unlisted: u64,
    /// Nanoseconds for which the runtime has run no task.
    pub(in crate::admin) stalled: u64,
    pub(in crate::admin) polls: Vec<LongPoll>,
}

/// A pool with the users of its connections.
#[derive(Debug, Clone)]
pub(in crate::admin) struct PoolState {
    /// The pool's name; `None` for the users of a pool that is not known.
    pub(in crate::admin) name: Option<String>,
    pub(in crate::admin) used: u32,
    pub(in crate::admin) max: u32,
    pub(in crate::admin) users: Vec<User>,
    /// The number of used connections whose holder is not seen.
    pub(in crate::admin) unseen: u32,
    /// Roots that may hold these connections.
    pub(in crate::admin) possible: Vec<User>,
}

/// A root that holds a connection, waits for one, or may hold one.
#[derive(Debug, Clone)]
pub(in crate::admin) struct User {
    pub(in crate::admin) trace_id: Option<TraceId>,
    pub(in crate::admin) root: Option<SpanId>,
    pub(in crate::admin) root_name: String,
    pub(in crate::admin) holds: bool,
    /// Whether it waits, or uses a connection that its caller holds.
    pub(in crate::admin) is_assumed: bool,
    /// Nanoseconds in this state.
    pub(in crate::admin) lasts: u64,
    /// What uses the connection, and where.
    pub(in crate::admin) what: String,
}

impl Live {
    pub(in crate::admin) fn read(status: &Status, recorder: &Recorder) -> Self {
        let (pools, unlisted) = pools(recorder);
        let runtime = status.runtime();
        Self {
            pools,
            unlisted,
            stalled: nanos(runtime.stalled()),
            polls: runtime.long_polls(LONG_POLL),
        }
    }

    /// What this root does at the moment, one sentence each.
    pub(in crate::admin) fn of(&self, root: &RootView) -> Vec<String> {
        let mut lines = Vec::new();
        for pool in &self.pools {
            let of_pool = match &pool.name {
                Some(name) => format!(" of pool {name}"),
                None => String::new(),
            };
            let users = pool.users.iter();
            let users: Vec<_> = users
                .filter(|user| user.root == Some(root.span_id))
                .collect();
            let held = users.iter().filter(|user| user.holds);
            // The users are in the order of their times, the longest first.
            if let Some(first) = held.clone().next() {
                let count = held.count();
                let connections = if count == 1 {
                    "connection"
                } else {
                    "connections"
                };
                lines.push(format!(
                    "holds {count} {connections}{of_pool} for {}: {}",
                    time::spoken(first.lasts),
                    first.what
                ));
            }
            if let Some(first) = users.iter().find(|user| !user.holds) {
                lines.push(format!(
                    "waits for a connection{of_pool} for {}: {}",
                    time::spoken(first.lasts),
                    first.what
                ));
            }
        }
        let polls = self.polls.iter();
        for poll in polls.filter(|poll| poll.place.root == root.span_id) {
            lines.push(format!(
                "blocks its thread: in one poll for {}",
                time::spoken(nanos(poll.lasts))
            ));
        }
        lines
    }
}

/// A duration in nanoseconds.
pub(in crate::admin) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(not(feature = "db"))]
fn pools(_: &Recorder) -> (Vec<PoolState>, u64) {
    (Vec::new(), 0)
}

#[cfg(feature = "db")]
fn pools(recorder: &Recorder) -> (Vec<PoolState>, u64) {
    let (found, unlisted) = crate::db::pool_uses();
    let states = found.into_iter().map(|pool| {
        let users: Vec<_> = pool
            .uses
            .iter()
            .map(|found| user(recorder, found))
            .collect();
        let unseen = pool.unseen();
        let possible = match unseen {
            0 => Vec::new(),
            _ if !pool.has_events => Vec::new(),
            _ => possible_holders(recorder, &users),
        };
        PoolState {
            name: pool.pool,
            used: pool.used,
            max: pool.max,
            users,
            unseen,
            possible,
        }
    });
    (states.collect(), unlisted)
}

#[cfg(feature = "db")]
fn user(recorder: &Recorder, found: &crate::db::ConnectionUse) -> User {
    let ids = found.ids;
    let root = ids.and_then(|ids| recorder.root_of(ids.span_id));
    let (root, root_name) = match root {
        Some((root, name)) => (Some(root), name),
        None => (None, "outside of any root".to_owned()),
    };
    let site = format!("{}:{}", found.site.file(), found.site.line());
    let what = match &found.summary {
        Some(summary) => format!("{} {summary} at {site}", found.what),
        None => format!("{} at {site}", found.what),
    };
    User {
        trace_id: ids.map(|ids| ids.trace_id),
        root,
        root_name,
        holds: found.state == crate::db::UseState::Holds,
        is_assumed: found.state == crate::db::UseState::MayWait,
        lasts: nanos(found.lasts),
        what,
    }
}

/// Open roots that may hold a connection, the first one first.
#[cfg(feature = "db")]
fn possible_holders(recorder: &Recorder, users: &[User]) -> Vec<User> {
    let now = time::now();
    let is_seen = |root: &RootView| {
        let mut holders = users.iter().filter(|user| user.holds);
        holders.any(|user| user.root == Some(root.span_id))
    };
    let acquired = recorder.open().acquired().into_iter();
    let mut possible: Vec<_> = acquired
        .filter(|root| !is_seen(root))
        .filter_map(|root| {
            Some(User {
                trace_id: Some(root.trace_id),
                root: Some(root.span_id),
                root_name: root.name,
                holds: false,
                is_assumed: true,
                lasts: now.saturating_sub(root.acquired?),
                what: "acquired outside of instrumented calls".to_owned(),
            })
        })
        .collect();
    possible.sort_by_key(|user| std::cmp::Reverse(user.lasts));
    possible.truncate(MAX_POSSIBLE);
    possible
}
