//! Commands of Redis.

use anyhow::ensure;
use support::{Cases, tools::RedisServer};

use super::{
    Programs,
    program_run::{Run, expect_attributes},
};

pub(super) fn cases(cases: &mut Cases, programs: &Programs, server: &RedisServer) {
    cases.check("redis: commands have spans, samples and codes", || {
        check(programs, server)
    });
}

fn check(programs: &Programs, server: &RedisServer) -> anyhow::Result<()> {
    let requests = [
        ("GET", "/visits", 200),
        ("GET", "/visits", 200),
        ("GET", "/mistake", 500),
    ];
    let run = Run::of(programs, "redis", ("REDIS_URL", &server.url()), &requests)?;
    let port = server.port().to_string();
    let incremented = run.span("INCR visits", "GET /visits")?;
    ensure!(incremented.kind == "client" && incremented.status == "unset");
    expect_attributes(
        incremented,
        &[
            ("db.system.name", "redis"),
            ("db.namespace", "0"),
            ("db.operation.name", "INCR"),
            ("db.collection.name", "visits"),
            ("db.query.text", ""),
            ("server.address", "127.0.0.1"),
            ("server.port", &port),
        ],
    )?;
    let pushed = run.span("LPUSH", "GET /mistake")?;
    ensure!(pushed.status == "error", "{pushed:?}");
    expect_attributes(
        pushed,
        &[
            ("db.response.status_code", "WRONGTYPE"),
            ("error.type", "WRONGTYPE"),
        ],
    )?;
    let count = "db_client_operation_duration_seconds_count";
    let labels = [
        ("db_system_name", "redis"),
        ("db_operation_name", "INCR"),
        ("db_collection_name", "visits"),
    ];
    run.expect_sample(count, &labels, 2.0)?;
    let failed = [("db_operation_name", "LPUSH"), ("error_type", "WRONGTYPE")];
    run.expect_sample(count, &failed, 1.0)?;
    // Commands are not queries.
    ensure!(
        run.exposition
            .iter()
            .all(|it| !it.name.starts_with("sql_queries_per_request"))
    );
    let line = run.expect_line("redis failed")?;
    ensure!(line.trace_id() == pushed.trace_id, "{}", line.raw);
    Ok(())
}
