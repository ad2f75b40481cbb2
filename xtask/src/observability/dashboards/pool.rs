//! The pool of connections: three numbers and a row of the database's dashboard.

use firstlight::metrics::catalog;

use super::{Colour, Panel, Row, Runbook, Target, Unit, query};
use crate::observability::{
    limits,
    promql::{self, Selector},
};

/// The label that tells pools apart.
pub(super) const POOL: &str = "db_client_connection_pool_name";
const STATE: &str = "db_client_connection_state";

/// Of the pools that are chosen.
fn of(selector: Selector) -> Selector {
    selector.matches(POOL, "$pool")
}

/// Connections in use, as a part of those that there may be.
pub(super) fn in_use(panel: Panel) -> Panel {
    let by: &[&str] = &["instance", POOL];
    let used = of(query::of(&catalog::DB_CLIENT_CONNECTION_COUNT)).is(STATE, "used");
    let most = of(query::of(&catalog::DB_CLIENT_CONNECTION_MAX));
    let part = promql::max(
        &[POOL],
        format!("{} / {}", promql::sum(by, used), promql::sum(by, most)),
    );
    panel
        .means(
            "Connections in use as a part of those that the pool may have; of several instances, \
             the fullest.",
        )
        .normally("Below a half, so that a burst fits in.")
        .otherwise(
            "At the line the next burst waits. Find out what holds connections: slow statements, \
             or transactions that wait for something else.",
        )
        .runbook(Runbook::DatabasePoolExhausted)
        .unit(Unit::Part)
        .red_from(limits::POOL_PART)
        .nothing("no pool")
        .shows(Target::new("{{db_client_connection_pool_name}}", part))
}

pub(super) fn waited() -> Panel {
    let wait = of(query::of(&catalog::DB_CLIENT_CONNECTION_WAIT_TIME));
    Panel::stat("Wait for a connection, p99")
        .means("How long it takes to get a connection from the pool; 99 of 100 are faster.")
        .normally("Below a millisecond.")
        .otherwise(
            "Everything behind it is slow, whatever the statements do. Look at the pool's use.",
        )
        .runbook(Runbook::DatabasePoolExhausted)
        .unit(Unit::Seconds)
        .red_from(limits::POOL_WAIT_SECONDS)
        .nothing("no wait")
        .shows(Target::new("p99", query::quantile(0.99, &[], &wait)))
}

pub(super) fn timed_out() -> Panel {
    let timeouts = of(query::of(&catalog::DB_CLIENT_CONNECTION_TIMEOUTS));
    Panel::stat("Gave up waiting")
        .means(
            "Calls within the time range that got no connection in time, each of which is a \
             failed request.",
        )
        .normally("0.")
        .otherwise(
            "The pool is used up. A larger pool helps only if the server has room: see its \
             connections below.",
        )
        .runbook(Runbook::DatabasePoolTimeouts)
        .unit(Unit::Count)
        .red_from(limits::ANY)
        .shows(Target::new("Gave up", query::or_zero(query::in_range(&[], &timeouts))).in_trouble())
}

pub(super) fn row() -> Row {
    Row::new("The pool: does anybody wait?")
        .line([
            connections(),
            in_use(Panel::timeseries("Pool in use, over time")),
            wait("$pool"),
        ])
        .line([wait_spread(), gave_up()])
}

fn connections() -> Panel {
    let count = of(query::of(&catalog::DB_CLIENT_CONNECTION_COUNT));
    let most = of(query::of(&catalog::DB_CLIENT_CONNECTION_MAX));
    Panel::timeseries("Connections")
        .means("Connections of all instances: in use, idle, and how many there may be.")
        .normally(
            "In use well below the maximum; idle ones are ready and cost the server some memory.",
        )
        .otherwise(
            "In use at the maximum: somebody waits. Instances times maximum must stay below what \
             the server allows.",
        )
        .runbook(Runbook::DatabasePoolExhausted)
        .unit(Unit::Count)
        .shows(Target::new(
            "{{db_client_connection_state}}",
            promql::sum(&[STATE], count),
        ))
        .shows(Target::new("maximum", promql::sum(&[], most)))
        .colour("used", Colour::Orange)
        .colour("idle", Colour::Green)
        .colour("maximum", Colour::Purple)
}

/// How long connections are waited for; of all pools, where `pools` is empty.
pub(super) fn wait(pools: &str) -> Panel {
    let wait = query::of(&catalog::DB_CLIENT_CONNECTION_WAIT_TIME);
    let wait = if pools.is_empty() {
        wait
    } else {
        wait.matches(POOL, pools)
    };
    Panel::timeseries("Wait for a connection")
        .means("How long it takes to get a connection from the pool.")
        .normally("p99 below a millisecond.")
        .otherwise(
            "The pool is too small for the load, or something holds connections for too long; the \
             database's page says which.",
        )
        .runbook(Runbook::DatabasePoolExhausted)
        .unit(Unit::Seconds)
        .red_from(limits::POOL_WAIT_SECONDS)
        .shows(Target::new("p50", query::quantile(0.5, &[], &wait)))
        .shows(Target::new("p99", query::quantile(0.99, &[], &wait)))
}

fn wait_spread() -> Panel {
    let wait = of(query::of(&catalog::DB_CLIENT_CONNECTION_WAIT_TIME));
    Panel::heatmap("Wait for a connection, spread")
        .means("How many waited for how long.")
        .normally("One bright band at the bottom.")
        .otherwise("A second band higher up are those that found the pool empty.")
        .runbook(Runbook::DatabasePoolExhausted)
        .unit(Unit::Seconds)
        .shows(Target::new("{{le}}", query::buckets(&wait)))
}

fn gave_up() -> Panel {
    let timeouts = of(query::of(&catalog::DB_CLIENT_CONNECTION_TIMEOUTS));
    Panel::timeseries("Gave up waiting, over time")
        .means("Calls per second that got no connection in time.")
        .normally("None.")
        .otherwise(
            "Each is a failed request. Find what holds connections, before the pool is made \
             larger.",
        )
        .runbook(Runbook::DatabasePoolTimeouts)
        .unit(Unit::EventsPerSecond)
        .red_from(limits::ANY)
        .shows(
            Target::new("Gave up", query::or_zero(query::per_second(&[], &timeouts))).in_trouble(),
        )
}
