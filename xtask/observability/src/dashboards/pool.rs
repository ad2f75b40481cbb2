//! Panels of connection pools, for the dashboard of the database and the overview.

use firstlight::metrics::catalog;

use super::{
    Color, Panel, Row, Target, Unit,
    objectives::Objective,
    query::{self, worst},
};
use crate::{
    limits,
    promql::{self, Selector, on_service, service_labels},
};

/// The label with the name of a pool.
pub(super) const POOL: &str = "db_client_connection_pool_name";
const STATE: &str = "db_client_connection_state";

/// Restricts series to the selected pools.
fn of_selected_pools(selector: Selector) -> Selector {
    selector.matches(POOL, "$pool")
}

/// The labels of one pool of one instance.
///
/// Pools are not merged, so that a fast pool cannot hide an exhausted one.
fn pool_labels() -> Vec<&'static str> {
    service_labels(&["instance", POOL])
}

/// The fullest pool, as one number.
pub(super) fn in_use_now() -> Panel {
    in_use(Panel::stat("Pool in use"), &[]).no_value("no pool")
}

fn in_use_over_time() -> Panel {
    in_use(
        Panel::timeseries("Pool in use, over time"),
        &service_labels(&[POOL]),
    )
}

/// Adds the ratio of a pool's connections that are in use to `panel`.
///
/// It is the highest ratio per combination of the labels `by`, and one number if `by` is empty.
fn in_use(panel: Panel, by: &[&str]) -> Panel {
    let used =
        of_selected_pools(query::selected(&catalog::DB_CLIENT_CONNECTION_COUNT)).is(STATE, "used");
    let most = of_selected_pools(query::selected(&catalog::DB_CLIENT_CONNECTION_LIMIT));
    let part = format!(
        "{} / {}",
        promql::max(&pool_labels(), used),
        promql::max(&pool_labels(), most)
    );
    let legend = if by.is_empty() {
        "Fullest".to_owned()
    } else {
        query::legend("{{db_client_connection_pool_name}}")
    };
    panel
        .means(
            "Connections in use as a part of those that the pool may have; of several pools and \
             instances, the fullest.",
        )
        .normally("Below 50 %, which leaves connections for bursts.")
        .otherwise(
            "Above the line, a burst of requests waits for connections. Find out what holds \
             connections: slow statements, or transactions that wait for something else.",
        )
        .runbook("DatabasePoolExhausted")
        .unit(Unit::Part)
        .red_from(limits::POOL_RATIO)
        .shows(Target::new(&legend, worst(by, part)))
}

pub(super) fn waited() -> Panel {
    let wait = of_selected_pools(query::selected(&catalog::DB_CLIENT_CONNECTION_WAIT_TIME));
    let wait = query::quantile(0.99, &pool_labels(), &wait);
    let objective = Objective::seconds();
    Panel::stat("Wait for a connection, of objective")
        .means(
            "The wait for a connection of the pool, at the 99th percentile, as a part of the latency \
             objective of the service. Of several pools and instances, the longest.",
        )
        .normally("Below 1 %.")
        .otherwise(
            "Requests that need a connection are slow, even if their statements are fast. Look at the pool's use.",
        )
        .runbook("DatabasePoolExhausted")
        .unit(Unit::Part)
        .red_from(limits::WAIT_RATIO)
        .no_value("no wait, or no rules")
        .shows(Target::new(
            "p99",
            worst(
                &[],
                format!("{wait} / {} group_left () {objective}", on_service(&[])),
            ),
        ))
}

pub(super) fn timed_out() -> Panel {
    let timeouts = of_selected_pools(query::selected(&catalog::DB_CLIENT_CONNECTION_TIMEOUTS));
    Panel::stat("Waits that timed out")
        .means(
            "Waits for a connection within the time range that timed out, of all pools together. \
             Each is a failed request.",
        )
        .normally("0.")
        .otherwise(
            "The pool is exhausted. A larger pool helps only if the server allows for more \
             connections: see its connections below.",
        )
        .runbook("DatabasePoolTimeouts")
        .unit(Unit::Count)
        .red_from(limits::ABOVE_ZERO)
        .shows(
            Target::new("Timed out", query::or_zero(query::in_range(&[], &timeouts))).in_trouble(),
        )
}

pub(super) fn row() -> Row {
    Row::new("Do requests wait for a connection?")
        .line([connections(), in_use_over_time(), wait("$pool")])
        .line([wait_spread(), timed_out_over_time()])
}

fn connections() -> Panel {
    let count = of_selected_pools(query::selected(&catalog::DB_CLIENT_CONNECTION_COUNT));
    let most = of_selected_pools(query::selected(&catalog::DB_CLIENT_CONNECTION_LIMIT));
    Panel::timeseries("Connections")
        .means("Connections of all instances together: in use, idle, and how many there may be.")
        .normally("In use is well below the maximum. Idle connections cost the server some memory.")
        .otherwise(
            "In use at the maximum: requests wait. Instances times maximum must stay below what \
             the server allows.",
        )
        .runbook("DatabasePoolExhausted")
        .unit(Unit::Count)
        .shows(Target::new(
            "{{db_client_connection_state}}",
            promql::sum(&[STATE], count),
        ))
        .shows(Target::new("maximum", promql::sum(&[], most)))
        .color("used", Color::Orange)
        .color("idle", Color::Green)
        .color("maximum", Color::Purple)
}

/// The wait for a connection, over all pools if `pools` is empty.
pub(super) fn wait(pools: &str) -> Panel {
    let wait = query::selected(&catalog::DB_CLIENT_CONNECTION_WAIT_TIME);
    let wait = if pools.is_empty() {
        wait
    } else {
        wait.matches(POOL, pools)
    };
    let quantile = |q| {
        worst(
            &service_labels(&[POOL]),
            query::quantile(q, &pool_labels(), &wait),
        )
    };
    let pool =
        |series: &str| query::legend(&format!("{{{{db_client_connection_pool_name}}}} {series}"));
    Panel::timeseries("Wait for a connection")
        .means(
            "How long it takes to get a connection from each pool, and the wait from which on an \
             alert opens a ticket. Of several instances, the longest.",
        )
        .normally("p99 below a millisecond.")
        .otherwise(
            "The pool is too small for the load, or something holds connections for too long. The \
             dashboard of the database shows which.",
        )
        .runbook("DatabasePoolExhausted")
        .unit(Unit::Seconds)
        .shows(Target::new(&pool("p50"), quantile(0.5)))
        .shows(Target::new(&pool("p99"), quantile(0.99)))
        .shows(Target::new(
            &query::legend("ticket from"),
            query::wait_limit(),
        ))
        .shades("ticket from", Color::Purple)
}

fn wait_spread() -> Panel {
    let wait = of_selected_pools(query::selected(&catalog::DB_CLIENT_CONNECTION_WAIT_TIME));
    Panel::heatmap("Wait for a connection, spread")
        .means("The distribution of the waits for a connection, of all pools together.")
        .normally("One bright band at the bottom.")
        .otherwise("A second band higher up: waits for a connection of an exhausted pool.")
        .runbook("DatabasePoolExhausted")
        .unit(Unit::Seconds)
        .shows(Target::new("{{le}}", query::buckets(&wait)))
}

fn timed_out_over_time() -> Panel {
    let timeouts = of_selected_pools(query::selected(&catalog::DB_CLIENT_CONNECTION_TIMEOUTS));
    let timeouts = query::per_second(&service_labels(&[POOL]), &timeouts);
    Panel::timeseries("Waits that timed out, over time")
        .means("Waits for a connection per second that timed out.")
        .normally("None.")
        .otherwise(
            "Each is a failed request. Find out what holds connections before you enlarge the \
             pool.",
        )
        .runbook("DatabasePoolTimeouts")
        .unit(Unit::EventsPerSecond)
        .red_from(limits::ABOVE_ZERO)
        .shows(
            Target::new(
                &query::legend("{{db_client_connection_pool_name}}"),
                query::or_none_each(timeouts, POOL),
            )
            .in_trouble(),
        )
}
