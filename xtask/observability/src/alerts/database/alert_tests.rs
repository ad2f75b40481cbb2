//! Pools that are used up, calls that give up, and statements that repeat.

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

/// A full pool that is waited for for 0.5 s, in a service that promises to answer within so many seconds.
fn patient(more: &str, seconds: f64) -> AlertTest {
    AlertTest::of(
        "DatabasePoolExhausted",
        format!("a wait of half a second, where {seconds} s are promised"),
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
        AlertTest::of("DatabasePoolExhausted", "full, and waited for")
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
        AlertTest::of("DatabasePoolExhausted", "full, and not waited for")
            .process(TARGET, 0, "Vx90")
            .series(MAX, "10x90")
            .series(USED, "10x90")
            .series(SHORT, "0+60x90")
            .series(LONG, "0+60x90")
            .series(ALL, "0+60x90")
            .transient(60),
        patient("", 0.25).fires(
            45,
            &POOL,
            "100% of the connections of the pool main in a of orders are in use.",
        ),
        patient(r#",le="10""#, 10.0).transient(45),
        AlertTest::of("DatabasePoolExhausted", "starved, beside a fast one")
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
        AlertTest::of("DatabasePoolTimeouts", "one, and later three a minute")
            .process(TARGET, 0, "Vx90")
            .series(TIMEOUTS, "_x10 1x19 1+3x20 61x40")
            .transient(13)
            .transient(20)
            .fires(
                45,
                &POOL,
                "15 calls of a of orders gave up waiting for a connection of the pool main in the last five minutes.",
            )
            .resolved(65),
        AlertTest::of(
            "DatabaseNPlusOne",
            "a route that is asked for now and then, and then by all",
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
            "60 requests to /orders of orders ran SELECT items once for each row in the last hour.",
        )
        .resolved(230),
    ]
}
