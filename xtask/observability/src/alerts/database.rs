//! Alerts on the database as the service sees it: its pools and its statements.

use firstlight::metrics::catalog::{
    DB_CLIENT_CONNECTION_COUNT, DB_CLIENT_CONNECTION_LIMIT, DB_CLIENT_CONNECTION_TIMEOUTS,
    DB_CLIENT_CONNECTION_WAIT_TIME, SQL_N_PLUS_ONE,
};

use super::{alert::Alert, board::Board, group::Group, recording::Record};
use crate::{
    limits::{N_PLUS_ONE_REQUESTS, POOL_RATIO, WAIT_RATIO},
    promql::{Selector, counted, counted_quantile, max, on_service, service_labels},
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
        Record::named(WAIT).expr(&[&counted_quantile(0.99, &service_labels(&POOL), &wait, "5m")]),
        Record::named(TIMEOUTS).expr(&[&counted(&service_labels(&POOL), &timeouts, "5m")]),
        Record::named(REPEATED).expr(&[&counted(
            &service_labels(SQL_N_PLUS_ONE.labels),
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
    let by = service_labels(&POOL);
    let on = on_service(&POOL);
    Alert::ticket("DatabasePoolExhausted")
        .because("A full pool without waits has the right size, so the alert does not fire while waits for this pool are short compared with the latency objective. A full pool alone is enough in three cases: waits are not measured, sqlx does not report which of several pools a call waited for, or no call gets a connection at all.")
        .when(&[
            &max(&by, used),
            &format!("/ {on}"),
            &max(&by, most),
            &format!("> {POOL_RATIO}"),
            &format!("unless {on}"),
            &format!(
                "{WAIT} < {} group_left () {WAIT_RATIO} * slo:latency:objective_seconds",
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
        .because("Each timeout is a failed request. The alerts on error budgets fire if there are too many failures, and this alert gives the cause.")
        .when(&[&format!("{TIMEOUTS} > 0")])
        .lasting("5m")
        .summary("Requests time out while they wait for a database connection.")
        .description("Calls of {{ $labels.instance }} of {{ $labels.job }} that timed out while they waited for a connection of the pool {{ $labels.db_client_connection_pool_name }} in the last five minutes: {{ $value | humanize }}.")
        .on(Board::Database)
}

fn n_plus_one() -> Alert {
    Alert::ticket("DatabaseNPlusOne")
        .because("One statement for each row of a list is fast in a test with three rows, and the usual cause of a busy database.")
        .when(&[&format!("{REPEATED} >= {N_PLUS_ONE_REQUESTS}")])
        .lasting("5m")
        .summary("Requests run the same statement again and again.")
        .description("Requests in the last hour to {{ or $labels.http_route $labels.rpc_method $labels.span_name }} of {{ $labels.job }} that ran {{ $labels.db_query_summary }} once for each row: {{ $value | humanize }}.")
        .on(Board::Database)
}

/// Tests of alerts on exhausted pools, pool timeouts and repeated statements.
pub(super) mod alert_tests {
    use crate::alerts::alert_test::AlertTest;

    const USED: &str = r#"db_client_connection_count{job="orders",instance="a",db_client_connection_pool_name="main",db_client_connection_state="used"}"#;
    const MAX: &str = r#"db_client_connection_limit{job="orders",instance="a",db_client_connection_pool_name="main"}"#;
    const SHORT: &str = r#"db_client_connection_wait_time_seconds_bucket{job="orders",instance="a",db_client_connection_pool_name="main",le="0.01"}"#;
    const LONG: &str = r#"db_client_connection_wait_time_seconds_bucket{job="orders",instance="a",db_client_connection_pool_name="main",le="1"}"#;
    const ALL: &str = r#"db_client_connection_wait_time_seconds_bucket{job="orders",instance="a",db_client_connection_pool_name="main",le="+Inf"}"#;
    const TIMEOUTS: &str = r#"db_client_connection_timeouts_total{job="orders",instance="a",db_client_connection_pool_name="main"}"#;
    const REPEATED: &str = r#"sql_n_plus_one_total{job="orders",instance="a",http_route="/orders",db_query_summary="SELECT items"}"#;
    const TARGET: &str = r#"job="orders",instance="a""#;
    const POOL: [(&str, &str); 3] = [
        ("job", "orders"),
        ("instance", "a"),
        ("db_client_connection_pool_name", "main"),
    ];

    /// A full pool with waits of up to 1 s, and a latency objective of `seconds`.
    ///
    /// The objective has the additional labels `more`.
    fn wait_against_objective(more: &str, seconds: f64) -> AlertTest {
        AlertTest::of(
            "DatabasePoolExhausted",
            format!("waits of up to a second, with an objective of {seconds} s"),
        )
        .process(TARGET, 0, "Vx90")
        .series(
            &format!(r#"slo:latency:declared_objective_seconds{{job="orders"{more}}}"#),
            format!("{seconds}x90"),
        )
        .series(MAX, "10x90")
        .series(USED, "10x90")
        .series(SHORT, "0x90")
        .series(LONG, "0+60x90")
        .series(ALL, "0+60x90")
    }

    pub(in super::super) fn all() -> Vec<AlertTest> {
        vec![
            AlertTest::of("DatabasePoolExhausted", "a full pool with waits")
                .process(TARGET, 0, "Vx90")
                .series(MAX, "10x90")
                .series(USED, "3x10 10x2 3x17 10x29 3x30")
                .series(SHORT, "0+60x30 1800x59")
                .series(LONG, "0+60x90")
                .series(ALL, "0+60x90")
                .transient(12)
                .fires(
                    45,
                    &POOL,
                    "100% of the connections of the pool main in a of orders are in use.",
                )
                .resolved(65),
            AlertTest::of("DatabasePoolExhausted", "a full pool without waits")
                .process(TARGET, 0, "Vx90")
                .series(MAX, "10x90")
                .series(USED, "10x90")
                .series(SHORT, "0+60x90")
                .series(LONG, "0+60x90")
                .series(ALL, "0+60x90")
                .transient(60),
            wait_against_objective("", 0.25).fires(
                45,
                &POOL,
                "100% of the connections of the pool main in a of orders are in use.",
            ),
            wait_against_objective(r#",le="10""#, 10.0).transient(45),
            AlertTest::of("DatabasePoolExhausted", "a starved pool, beside a fast one")
                .process(TARGET, 0, "Vx90")
                .series(MAX, "10x90")
                .series(USED, "10x90")
                .series(SHORT, "0x90")
                .series(LONG, "0+60x90")
                .series(ALL, "0+60x90")
                .series(&SHORT.replace("main", "fast"), "0+60000x90")
                .series(&LONG.replace("main", "fast"), "0+60000x90")
                .series(&ALL.replace("main", "fast"), "0+60000x90")
                .fires(
                    45,
                    &POOL,
                    "100% of the connections of the pool main in a of orders are in use.",
                ),
            AlertTest::of("DatabasePoolTimeouts", "one timeout, and later three a minute")
                .process(TARGET, 0, "Vx90")
                .series(TIMEOUTS, "_x10 1x19 1+3x20 61x40")
                .transient(13)
                .transient(20)
                .fires(
                    45,
                    &POOL,
                    "Calls of a of orders that timed out while they waited for a connection of the pool main in the last five minutes: 15.",
                )
                .resolved(65),
            AlertTest::of(
                "DatabaseNPlusOne",
                "a route with few requests, and then with one a minute",
            )
            .process(TARGET, 0, "Vx250")
            .series(REPEATED, "_x10 3x60 3+1x80 83x95")
            .transient(20)
            .fires(
                140,
                &[
                    ("job", "orders"),
                    ("http_route", "/orders"),
                    ("db_query_summary", "SELECT items"),
                ],
                "Requests in the last hour to /orders of orders that ran SELECT items once for each row: 60.",
            )
            .resolved(230),
        ]
    }
}
