//! Unchanged queries of sqlx 0.8 on a file of SQLite, and its pool.

use support::{Cases, paths};

use super::{
    Programs,
    program_run::{Run, expect_attributes},
};

pub(super) fn cases(cases: &mut Cases, programs: &Programs) {
    cases.check("sqlx 0.8: spans, samples and a pool of SQLite", || {
        check(programs)
    });
}

fn check(programs: &Programs) -> anyhow::Result<()> {
    let file = paths::fresh("integrations-sqlite")?.join("orders.db");
    let url = format!("sqlite:{}", file.display());
    let requests = [
        ("GET", "/orders/7", 404),
        ("POST", "/orders/7", 201),
        ("GET", "/orders/7", 200),
    ];
    let name = "sqlx_08_sqlite";
    let run = Run::of(programs, name, ("DATABASE_URL", &url), &requests)?;
    expect_attributes(
        run.span("SELECT orders", "GET /orders/{id}")?,
        &[
            ("db.system.name", "sqlite"),
            ("db.query.text", "SELECT item FROM orders WHERE id = ?"),
        ],
    )?;
    let inserted = run.span("INSERT orders", "POST /orders/{id}")?;
    expect_attributes(inserted, &[("sql.affected_rows", "1")])?;
    let labels = [
        ("db_system_name", "sqlite"),
        ("db_query_summary", "SELECT orders"),
    ];
    let count = "db_client_operation_duration_seconds_count";
    run.expect_sample(count, &labels, 2.0)?;
    // A file has no address, so its pool has the name of the system.
    let pool = [("db_client_connection_pool_name", "sqlite")];
    run.expect_sample("db_client_connection_limit", &pool, 2.0)?;
    // One for each query of the requests, and one for the table.
    let waits = "db_client_connection_wait_time_seconds_count";
    run.expect_sample(waits, &pool, 4.0)
}
