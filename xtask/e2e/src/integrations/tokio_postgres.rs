//! Queries of tokio-postgres.

use anyhow::ensure;
use support::{Cases, tools::PostgresServer};

use super::{
    Programs,
    program_run::{Run, expect_attributes},
};

pub(super) fn cases(cases: &mut Cases, programs: &Programs, server: &PostgresServer) {
    cases.check("tokio-postgres: spans, samples and N+1 of queries", || {
        check(programs, server)
    });
}

fn check(programs: &Programs, server: &PostgresServer) -> anyhow::Result<()> {
    server.psql("postgres", "CREATE DATABASE with_tokio_postgres")?;
    let url = server.url_of("with_tokio_postgres");
    let requests = [
        ("POST", "/orders", 201),
        ("POST", "/orders", 500),
        ("GET", "/orders", 200),
    ];
    let run = Run::of(
        programs,
        "tokio_postgres",
        ("DATABASE_URL", &url),
        &requests,
    )?;
    let selected = run.span("SELECT orders", "GET /orders")?;
    ensure!(selected.kind == "client" && selected.status == "unset");
    expect_attributes(
        selected,
        &[
            ("db.system.name", "postgresql"),
            ("db.namespace", "with_tokio_postgres"),
            ("db.operation.name", "SELECT"),
            ("db.collection.name", "orders"),
            ("db.query.summary", "SELECT orders"),
            ("db.query.text", "SELECT item FROM orders WHERE id = $1"),
            ("server.address", "127.0.0.1"),
            ("server.port", &server.port().to_string()),
        ],
    )?;
    let is_failed = |span: &&firstlight::testing::ReceivedSpan| {
        span.name == "INSERT orders" && span.status == "error"
    };
    let failed: Vec<_> = run.spans.iter().filter(is_failed).collect();
    ensure!(failed.len() == 1, "{failed:#?}");
    let text = "INSERT INTO orders (id, item) VALUES (?)";
    expect_attributes(
        failed[0],
        &[
            ("db.response.status_code", "23505"),
            ("error.type", "23505"),
            ("db.query.text", text),
        ],
    )?;
    let count = "db_client_operation_duration_seconds_count";
    let labels = [
        ("db_system_name", "postgresql"),
        ("db_query_summary", "SELECT orders"),
    ];
    run.expect_sample(count, &labels, 12.0)?;
    let route = [
        ("http_route", "/orders"),
        ("db_query_summary", "SELECT orders"),
    ];
    run.expect_sample("sql_n_plus_one_total", &route, 1.0)?;
    run.expect_line("N+1: SELECT orders ran 12 times")?;
    run.expect_sample("sql_queries_per_request_count", &route[..1], 3.0)
}
