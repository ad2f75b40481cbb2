//! Tests of the log lines about queries, with several log filters.

use std::{process::ExitCode, str::FromStr, time::Duration};

use firstlight::{TelemetryConfig, sqlx::InstrumentQuery};
use serde_json::Value;
use sqlx::{
    AssertSqlSafe, Error, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    POSTGRES, on_runtime,
    service::{INSTRUMENTED_AT, database, get_from, router},
    support::scenario::Scenario,
};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("log_events::n_plus_one_and_slow_are_one_each", both),
    ("log_events::no_threshold_means_no_line", off),
    ("log_events::sqlx_lines_can_be_turned_on", sqlx_lines),
    ("log_events::error_filters_hide_warnings", errors_only),
];

pub(crate) const POSTGRES_TESTS: &[(&str, fn())] = &[("log_events::full_server_is_named", full)];

/// Runs the service to its end, and returns all of its log lines.
fn run(variables: &[(&str, &str)]) -> Vec<Value> {
    let mut scenario = Scenario::start("shop", variables);
    let lines = scenario.rest();
    let (code, stderr) = scenario.end();
    assert_eq!(code, Some(0), "{stderr}");
    let lines = lines.iter().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    let text = format!("{lines:?}");
    assert!(!text.contains("hunter2"), "{text}");
    lines
}

/// Returns the log lines with this target.
fn with_target<'a>(lines: &'a [Value], target: &str) -> Vec<&'a Value> {
    lines
        .iter()
        .filter(|line| line["target"] == target)
        .collect()
}

pub(crate) fn run_scenario(scenario: &str) -> ExitCode {
    let telemetry = TelemetryConfig::new().without_admin().init().unwrap();
    on_runtime(async {
        if scenario == "full" {
            return time_out().await;
        }
        let router = router(database().await);
        get_from(&router, "/orders").await;
        get_from(&router, "/instrumented").await;
        get_from(&router, "/report").await;
    });
    telemetry.finish(Ok::<(), String>(()))
}

fn both() {
    let lines = run(&[("FIRSTLIGHT_SLOW_QUERY", "20")]);
    let access = with_target(&lines, "firstlight::http");
    let [orders, _, report] = *access else {
        panic!("{lines:#?}")
    };
    let query_lines = with_target(&lines, "firstlight::sqlx");
    let [repeated, instrumented, slow] = *query_lines else {
        panic!("{lines:#?}")
    };

    assert_eq!(repeated["level"], "WARN");
    let message = repeated["message"].as_str().unwrap();
    assert!(
        message.starts_with("N+1: SELECT items ran 25 times in one unit of work, in items_of ("),
        "{message}"
    );
    assert_eq!(repeated["db.query.summary"], "SELECT items");
    assert_eq!(repeated["sql.n_plus_one.count"], 25);
    assert_eq!(repeated["sql.queries"], 26);
    assert_eq!(repeated["http.route"], "/orders");
    assert_eq!(repeated["code.function.name"], "items_of");
    for id in ["trace_id", "span_id"] {
        assert!(repeated[id].is_string(), "{repeated}");
        assert_eq!(repeated[id], orders[id]);
    }

    // Without a span of the function, the call's own location is used.
    assert_eq!(instrumented["http.route"], "/instrumented");
    let file = instrumented["code.file.path"].as_str().unwrap();
    assert!(file.ends_with("queries/service.rs"), "{instrumented}");
    assert_eq!(instrumented["code.line.number"], INSTRUMENTED_AT);
    let message = instrumented["message"].as_str().unwrap();
    assert!(
        message.contains(&format!("{file}:{INSTRUMENTED_AT}")),
        "{message}"
    );

    assert_eq!(slow["level"], "WARN");
    let message = slow["message"].as_str().unwrap();
    assert!(message.starts_with("slow query: SELECT"), "{message}");
    assert!(slow["db.client.operation.duration"].as_f64() >= Some(0.02));
    assert_eq!(slow["slow_query.threshold"], 0.02);
    assert_eq!(slow["http.route"], "/report");
    assert_eq!(slow["trace_id"], report["trace_id"]);
    assert!(with_target(&lines, "sqlx::query").is_empty(), "{lines:#?}");
}

fn off() {
    let off = [
        ("FIRSTLIGHT_SLOW_QUERY", "0"),
        ("FIRSTLIGHT_N_PLUS_ONE", "0"),
    ];
    let lines = run(&off);
    assert!(
        with_target(&lines, "firstlight::sqlx").is_empty(),
        "{lines:#?}"
    );
    assert_eq!(with_target(&lines, "firstlight::http").len(), 3);
}

fn sqlx_lines() {
    // `run` would fail here, because sqlx's lines contain the literals of a statement.
    let mut scenario = Scenario::start("shop", &[("RUST_LOG", "info,sqlx::query=debug")]);
    let lines = scenario.rest().join("\n");
    scenario.end();
    assert!(lines.contains("\"target\":\"sqlx::query\""), "{lines}");
    assert!(lines.contains("\"target\":\"firstlight::sqlx\""), "{lines}");
}

fn errors_only() {
    let lines = run(&[("RUST_LOG", "error"), ("FIRSTLIGHT_SLOW_QUERY", "20")]);
    assert!(lines.is_empty(), "{lines:#?}");
}

/// Returns the options of connections to the PostgreSQL server.
fn server() -> PgConnectOptions {
    PgConnectOptions::from_str(&std::env::var(POSTGRES).unwrap()).unwrap()
}

/// Times out on a pool of five connections to which the server grants one.
async fn time_out() {
    let role = std::env::var("ROLE").unwrap();
    let pool = PgPoolOptions::new()
        .max_connections(5)
        .acquire_timeout(Duration::from_millis(500))
        .connect_with(server().username(&role).password("full"))
        .await
        .unwrap();
    firstlight::sqlx::instrument_pool_as(&pool, "orders");
    let held = pool.acquire().await.unwrap();
    for _ in 0..2 {
        let select = sqlx::query("SELECT 1").execute(&pool).instrumented().await;
        assert!(matches!(select, Err(Error::PoolTimedOut)), "{select:?}");
    }
    drop(held);
    pool.close().await;
}

fn full() {
    // The limit is set for a role, so that it does not affect other tests.
    let role = format!("full_{}", std::process::id());
    let on_server = |statement: String| {
        on_runtime(async {
            let pool = PgPool::connect_with(server()).await.unwrap();
            let statement = sqlx::raw_sql(AssertSqlSafe(statement));
            statement.execute(&pool).await.unwrap();
            pool.close().await;
        });
    };
    on_server(format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'full' CONNECTION LIMIT 1"
    ));
    let mut scenario = Scenario::start("full", &[("ROLE", &role)]);
    let lines = scenario.rest().join("\n");
    let ended = scenario.end();
    on_server(format!("DROP ROLE {role}"));

    assert_eq!(ended, (Some(0), String::new()), "{lines}");
    // Both calls time out, and one warning is logged.
    let warning =
        "calls time out because the pool cannot open a connection: too many clients: the server, ";
    assert_eq!(lines.matches(warning).count(), 1, "{lines}");
    let line = lines.lines().find(|line| line.contains(warning)).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["error.type"], "53300");
    assert_eq!(line["db.client.connection.pool.name"], "orders");
}
