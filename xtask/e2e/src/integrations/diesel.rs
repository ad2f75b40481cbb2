//! Queries of diesel, and a pool of deadpool.

use support::{Cases, tools::PostgresServer};

use super::{
    Programs,
    program_run::{Run, expect_attributes},
};

pub(super) fn cases(cases: &mut Cases, programs: &Programs, server: &PostgresServer) {
    cases.check("diesel: spans and samples of queries, and a pool", || {
        check(programs, server)
    });
}

fn check(programs: &Programs, server: &PostgresServer) -> anyhow::Result<()> {
    server.psql("postgres", "CREATE DATABASE with_diesel")?;
    let url = server.url_of("with_diesel");
    let requests = [
        ("POST", "/orders", 201),
        ("GET", "/orders", 200),
        ("POST", "/orders", 500),
    ];
    let run = Run::of(programs, "diesel", ("DATABASE_URL", &url), &requests)?;
    let selected = run.span("SELECT orders", "GET /orders")?;
    let text = r#"SELECT "orders"."item" FROM "orders" WHERE ("orders"."id" = $1)"#;
    expect_attributes(
        selected,
        &[
            ("db.system.name", "postgresql"),
            ("db.namespace", "with_diesel"),
            ("db.query.text", text),
        ],
    )?;
    let count = "db_client_operation_duration_seconds_count";
    let failed = [
        ("db_query_summary", "INSERT orders"),
        ("error_type", "UniqueViolation"),
    ];
    run.expect_sample(count, &failed, 1.0)?;
    let pool = [("db_client_connection_pool_name", "orders")];
    run.expect_sample("db_client_connection_limit", &pool, 4.0)?;
    let idle = [pool[0], ("db_client_connection_state", "idle")];
    run.expect_sample("db_client_connection_count", &idle, 1.0)
}
