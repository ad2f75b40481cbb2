//! The database as the service sees it: its pool, and its statements.

pub(super) mod alert_tests;

use firstlight::metrics::catalog::{
    DB_CLIENT_CONNECTION_COUNT, DB_CLIENT_CONNECTION_LIMIT, DB_CLIENT_CONNECTION_TIMEOUTS,
    DB_CLIENT_CONNECTION_WAIT_TIME, SQL_N_PLUS_ONE,
};

use super::{alert::Alert, board::Board, group::Group, recording::Record};
use crate::{
    limits::{N_PLUS_ONE_REQUESTS, POOL_PART, WAIT_PART},
    promql::{Selector, counted, counted_quantile, max, of_service, on_service},
};

const POOL: [&str; 2] = ["instance", "db_client_connection_pool_name"];
const WAIT: &str = "pool:db_client_connection_wait_time_seconds:p99_5m";
const TIMEOUTS: &str = "pool:db_client_connection_timeouts:count5m";
const REPEATED: &str = "statement:sql_n_plus_one:count1h";

pub(super) fn counts() -> [Record; 3] {
    let timeouts = Selector::of(&DB_CLIENT_CONNECTION_TIMEOUTS);
    let wait = Selector::of(&DB_CLIENT_CONNECTION_WAIT_TIME);
    let repeated = Selector::of(&SQL_N_PLUS_ONE);
    [
        Record::as_(WAIT).of(&[&counted_quantile(0.99, &of_service(&POOL), &wait, "5m")]),
        Record::as_(TIMEOUTS).of(&[&counted(&of_service(&POOL), &timeouts, "5m")]),
        Record::as_(REPEATED).of(&[&counted(
            &of_service(SQL_N_PLUS_ONE.labels),
            &repeated,
            "1h",
        )]),
    ]
}

pub(super) fn group() -> Group {
    Group::new("firstlight-database").alerts([pool_exhausted(), pool_timeouts(), n_plus_one()])
}

fn pool_exhausted() -> Alert {
    let used = Selector::of(&DB_CLIENT_CONNECTION_COUNT).is("db_client_connection_state", "used");
    let most = Selector::of(&DB_CLIENT_CONNECTION_LIMIT);
    let by = of_service(&POOL);
    let on = on_service(&POOL);
    Alert::ticket("DatabasePoolExhausted")
        .because("A full pool that is not waited for has the right size, so a wait for this very pool that is short beside the seconds within which the service promises to answer excuses it. Where waits are not measured, or sqlx does not say which of several pools was waited for, or no call gets a connection at all, being full is enough.")
        .when(&[
            &max(&by, used),
            &format!("/ {on}"),
            &max(&by, most),
            &format!("> {POOL_PART}"),
            &format!("unless {on}"),
            &format!(
                "{WAIT} < {} group_left () {WAIT_PART} * slo:latency:objective_seconds",
                on_service(&[])
            ),
        ])
        .lasting("5m")
        .summary("A connection pool is used up, and requests wait for it.")
        .description("{{ $value | humanizePercentage }} of the connections of the pool {{ $labels.db_client_connection_pool_name }} in {{ $labels.instance }} of {{ $labels.job }} are in use.")
        .on(Board::Database)
}

fn pool_timeouts() -> Alert {
    Alert::ticket("DatabasePoolTimeouts")
        .because("Each is a request that failed. Whether there are too many of them is the error budget's question; this says where they come from.")
        .when(&[&format!("{TIMEOUTS} > 0")])
        .lasting("5m")
        .summary("Requests give up waiting for a database connection.")
        .description("{{ $value | humanize }} calls of {{ $labels.instance }} of {{ $labels.job }} gave up waiting for a connection of the pool {{ $labels.db_client_connection_pool_name }} in the last five minutes.")
        .on(Board::Database)
}

fn n_plus_one() -> Alert {
    Alert::ticket("DatabaseNPlusOne")
        .because("A statement for each row of a list: quick in a test with three rows, and the usual reason why a database is busy.")
        .when(&[&format!("{REPEATED} >= {N_PLUS_ONE_REQUESTS}")])
        .lasting("5m")
        .summary("Requests run the same statement again and again.")
        .description("{{ $value | humanize }} requests to {{ or $labels.http_route $labels.rpc_method $labels.span_name }} of {{ $labels.job }} ran {{ $labels.db_query_summary }} once for each row in the last hour.")
        .on(Board::Database)
}
