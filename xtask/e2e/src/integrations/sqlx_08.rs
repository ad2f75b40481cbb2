//! Unchanged queries of sqlx 0.8, and its pool.

use support::{Cases, tools::PostgresServer};

use super::{
    Programs,
    program_run::{Run, expect_attributes},
};

pub(super) fn cases(cases: &mut Cases, programs: &Programs, server: &PostgresServer) {
    cases.check("sqlx 0.8: spans, samples, N+1, and a pool", || {
        check(programs, server)
    });
}

fn check(programs: &Programs, server: &PostgresServer) -> anyhow::Result<()> {
    server.psql("postgres", "CREATE DATABASE with_sqlx")?;
    let url = server.url_of("with_sqlx");
    let requests = [
        ("GET", "/orders", 200),
        ("POST", "/orders", 201),
        ("POST", "/orders", 500),
    ];
    let run = Run::of(programs, "sqlx_08", ("DATABASE_URL", &url), &requests)?;
    expect_attributes(
        run.span("SELECT orders", "GET /orders")?,
        &[
            ("db.system.name", "postgresql"),
            ("db.namespace", "with_sqlx"),
            ("db.query.text", "SELECT item FROM orders WHERE id = $1"),
            ("db.response.returned_rows", "0"),
            ("server.port", &server.port().to_string()),
        ],
    )?;
    let count = "db_client_operation_duration_seconds_count";
    let labels = [
        ("db_system_name", "postgresql"),
        ("db_query_summary", "SELECT orders"),
    ];
    run.expect_sample(count, &labels, 12.0)?;
    run.expect_line("N+1: SELECT orders ran 12 times")?;
    let name = format!("127.0.0.1:{}/with_sqlx", server.port());
    let pool = [("db_client_connection_pool_name", &*name)];
    run.expect_sample("db_client_connection_limit", &pool, 4.0)?;
    // The event of sqlx is a part of the wrapped call.
    let inserts = [("db_query_summary", "INSERT orders")];
    run.expect_sample(count, &[inserts[0], ("error_type", "")], 1.0)?;
    run.expect_sample(count, &[inserts[0], ("error_type", "23505")], 1.0)?;
    let inserted = run.span("INSERT orders", "POST /orders")?;
    expect_attributes(inserted, &[("sql.affected_rows", "1")])?;
    // One for each query of the requests, and one for the table.
    let waits = "db_client_connection_wait_time_seconds_count";
    run.expect_sample(waits, &pool, 15.0)
}
