//! The database as the service sees it: its pool, and its statements.

pub(super) mod drills;

use firstlight::metrics::catalog::{
    DB_CLIENT_CONNECTION_COUNT, DB_CLIENT_CONNECTION_MAX, DB_CLIENT_CONNECTION_TIMEOUTS,
    DB_CLIENT_CONNECTION_WAIT_TIME, DB_N_PLUS_ONE,
};

use super::{alert::Alert, board::Board, group::Group};
use crate::observability::{
    limits::{N_PLUS_ONE_REQUESTS, POOL_PART, POOL_WAIT_SECONDS},
    promql::{Selector, counted, max, quantile},
};

const POOL: [&str; 3] = ["job", "instance", "db_client_connection_pool_name"];

pub(super) fn group() -> Group {
    Group::new("firstlight-database").alerts([pool_exhausted(), pool_timeouts(), n_plus_one()])
}

fn pool_exhausted() -> Alert {
    let used = Selector::of(&DB_CLIENT_CONNECTION_COUNT).is("db_client_connection_state", "used");
    let most = Selector::of(&DB_CLIENT_CONNECTION_MAX);
    let wait = Selector::of(&DB_CLIENT_CONNECTION_WAIT_TIME);
    let wait = quantile(0.99, &["job", "instance"], &wait, "5m");
    Alert::ticket("DatabasePoolExhausted")
        .because("A full pool that nobody waits for has the right size, so a short wait excuses it. Where waits are not measured, or nobody gets a connection at all, being full is enough.")
        .when(&[
            &max(&POOL, used),
            &format!("/ on ({})", POOL.join(", ")),
            &max(&POOL, most),
            &format!("> {POOL_PART}"),
            "unless on (job, instance)",
            &format!("{wait} < {POOL_WAIT_SECONDS}"),
        ])
        .lasting("5m")
        .summary("A connection pool is used up, and requests wait for it.")
        .description("{{ $value | humanizePercentage }} of the connections of the pool {{ $labels.db_client_connection_pool_name }} in {{ $labels.instance }} of {{ $labels.job }} are in use.")
        .on(Board::Database)
}

fn pool_timeouts() -> Alert {
    let timeouts = Selector::of(&DB_CLIENT_CONNECTION_TIMEOUTS);
    Alert::ticket("DatabasePoolTimeouts")
        .because("Each is a request that failed. Whether there are too many of them is the error budget's question; this says where they come from.")
        .when(&[&format!("{} > 0", counted(&["job", "db_client_connection_pool_name"], &timeouts, "5m"))])
        .lasting("5m")
        .summary("Requests give up waiting for a database connection.")
        .description("{{ $value | humanize }} calls of {{ $labels.job }} gave up waiting for a connection in the last five minutes.")
        .on(Board::Database)
}

fn n_plus_one() -> Alert {
    let repeated = Selector::of(&DB_N_PLUS_ONE);
    let by: Vec<&str> = ["job"]
        .into_iter()
        .chain(DB_N_PLUS_ONE.labels.iter().copied())
        .collect();
    Alert::ticket("DatabaseNPlusOne")
        .because("A statement for each row of a list: quick in a test with three rows, and the usual reason why a database is busy.")
        .when(&[&format!("{} >= {N_PLUS_ONE_REQUESTS}", counted(&by, &repeated, "1h"))])
        .lasting("5m")
        .summary("Requests run the same statement again and again.")
        .description("{{ $value | humanize }} requests to {{ or $labels.http_route $labels.rpc_method $labels.span_name }} of {{ $labels.job }} ran {{ $labels.db_query_summary }} once for each row in the last hour.")
        .on(Board::Database)
}
