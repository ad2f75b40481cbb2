//! What a whole process writes about its queries, under several log filters.

use std::{process::ExitCode, str::FromStr, time::Duration};

use firstlight::{TelemetryConfig, sqlx::InstrumentQuery};
use serde_json::Value;
use sqlx::{
    AssertSqlSafe, Error, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    POSTGRES, on_runtime,
    service::{OBSERVED_AT, database, get_from, router},
    support::part::Part,
};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("lines::n_plus_one_and_slow_are_one_each", both),
    ("no_threshold_no_line", off),
    ("lines::sqlxs_own_lines_can_be_asked_for", asked_for),
    ("lines::error_filters_hide_warnings", errors_only),
];

pub(crate) const POSTGRES_TESTS: &[(&str, fn())] = &[("lines::full_server_is_named", full)];

/// Runs the service; all that it writes but the line at its start.
fn run(variables: &[(&str, &str)]) -> Vec<Value> {
    let mut part = Part::start("shop", variables);
    let lines = part.rest();
    let (code, stderr) = part.end();
    assert_eq!(code, Some(0), "{stderr}");
    let lines = lines.iter().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    let text = format!("{lines:?}");
    assert!(!text.contains("hunter2"), "{text}");
    lines
}

fn of<'a>(lines: &'a [Value], target: &str) -> Vec<&'a Value> {
    lines
        .iter()
        .filter(|line| line["target"] == target)
        .collect()
}

pub(crate) fn play(part: &str) -> ExitCode {
    let telemetry = TelemetryConfig::new().without_admin().init().unwrap();
    on_runtime(async {
        if part == "full" {
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
    let access = of(&lines, "firstlight::http");
    let [orders, _, report] = *access else {
        panic!("{lines:#?}")
    };
    let ours = of(&lines, "firstlight::sqlx");
    let [repeated, instrumented, slow] = *ours else {
        panic!("{lines:#?}")
    };

    assert_eq!(repeated["level"], "WARN");
    let message = repeated["message"].as_str().unwrap();
    assert!(
        message.starts_with("N+1: SELECT items ran 25 times in one request, in items_of ("),
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

    // Nothing but the call itself says where it is.
    assert_eq!(instrumented["http.route"], "/instrumented");
    let file = instrumented["code.file.path"].as_str().unwrap();
    assert!(file.ends_with("queries/service.rs"), "{instrumented}");
    assert_eq!(instrumented["code.line.number"], OBSERVED_AT);
    let message = instrumented["message"].as_str().unwrap();
    assert!(
        message.contains(&format!("{file}:{OBSERVED_AT}")),
        "{message}"
    );

    assert_eq!(slow["level"], "WARN");
    let message = slow["message"].as_str().unwrap();
    assert!(message.starts_with("slow query: SELECT"), "{message}");
    assert!(slow["db.client.operation.duration"].as_f64() >= Some(0.02));
    assert_eq!(slow["slow_query.threshold"], 0.02);
    assert_eq!(slow["http.route"], "/report");
    assert_eq!(slow["trace_id"], report["trace_id"]);
    assert!(of(&lines, "sqlx::query").is_empty(), "{lines:#?}");
}

fn off() {
    let off = [
        ("FIRSTLIGHT_SLOW_QUERY", "0"),
        ("FIRSTLIGHT_N_PLUS_ONE", "0"),
    ];
    let lines = run(&off);
    assert!(of(&lines, "firstlight::sqlx").is_empty(), "{lines:#?}");
    assert_eq!(of(&lines, "firstlight::http").len(), 3);
}

fn asked_for() {
    // The values that are bound are in no line of sqlx's; the literals in the text are the program's own.
    let mut part = Part::start("shop", &[("RUST_LOG", "info,sqlx::query=debug")]);
    let lines = part.rest().join("\n");
    part.end();
    assert!(lines.contains("\"target\":\"sqlx::query\""), "{lines}");
    assert!(lines.contains("\"target\":\"firstlight::sqlx\""), "{lines}");
}

fn errors_only() {
    let lines = run(&[("RUST_LOG", "error"), ("FIRSTLIGHT_SLOW_QUERY", "20")]);
    assert!(lines.is_empty(), "{lines:#?}");
}

fn server() -> PgConnectOptions {
    PgConnectOptions::from_str(&std::env::var(POSTGRES).unwrap()).unwrap()
}

/// Calls on a pool that the server gives one connection of five.
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
    // Full for a role alone, so that other tests have their connections.
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
    let mut part = Part::start("full", &[("ROLE", &role)]);
    let lines = part.rest().join("\n");
    let ended = part.end();
    on_server(format!("DROP ROLE {role}"));

    assert_eq!(ended, (Some(0), String::new()), "{lines}");
    // Once for both.
    let warning =
        "calls time out because the pool cannot open a connection: too many clients: the server, ";
    assert_eq!(lines.matches(warning).count(), 1, "{lines}");
    let line = lines.lines().find(|line| line.contains(warning)).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["error.type"], "53300");
    assert_eq!(line["db.client.connection.pool.name"], "orders");
}
