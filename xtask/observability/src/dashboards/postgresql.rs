//! The row of the PostgreSQL server on the dashboard of the database.
//!
//! Its metrics come from postgres_exporter. `postgres_exporter.yaml` beside the dashboards has the
//! queries that version 0.11 of the exporter lacks.

use super::{
    Color, Column, Panel, Row, Target, Unit,
    query::{self, foreign},
};
use crate::{
    limits,
    promql::{self, on_service, service_labels},
};

/// The labels of a server.
const SERVER: &[&str] = &["cluster", "namespace", "job", "instance", "server"];

/// The legend of a server's series.
///
/// The built-in collectors of newer exporters set no `server`, and have one instance per server.
fn legend(series: &str) -> String {
    let name = query::legend(&format!("{{{{instance}}}} {{{{server}}}} {series}"));
    name.trim_end().to_owned()
}

/// The labels of a server, followed by those of a part of it.
fn of_server(parts: &[&'static str]) -> Vec<&'static str> {
    SERVER.iter().chain(parts).copied().collect()
}

pub(super) fn row() -> Row {
    Row::collapsed(
        "PostgreSQL server (select the job of postgres_exporter, or follow the link at the top)",
    )
    .line([fill(), connections(), idle_in_transaction()])
    .line([waiting(), deadlocks(), cache_hits()])
    .line([dead_rows(), behind(), replica()])
    .line([statements()])
}

fn fill() -> Panel {
    let used = promql::sum(SERVER, foreign("pg_stat_activity_count"));
    let most = promql::max(SERVER, foreign("pg_settings_max_connections"));
    Panel::timeseries("Server connections")
        .means("Connections of all clients of a server as a part of its `max_connections`.")
        .normally("Below 50 %, because a deploy starts new instances before it stops old ones.")
        .otherwise(
            "Above the line, the next deploy may exceed the limit. Use smaller pools, fewer \
             instances, or a connection pooler.",
        )
        .runbook("PostgresConnectionsNearMax")
        .unit(Unit::Part)
        .red_from(limits::SERVER_CONNECTIONS_RATIO)
        .shows(Target::new(
            &legend(""),
            query::top(10, format!("{used} / {most}")),
        ))
}

fn connections() -> Panel {
    let by_state = promql::sum(&["state"], foreign("pg_stat_activity_count"));
    Panel::stack("Server connections by state")
        .means("The states of the connections of all chosen servers together.")
        .normally("Most of them are idle.")
        .otherwise(
            "Many active: the server is busy or waits for locks. Find the client with the most in \
             `pg_stat_activity`.",
        )
        .runbook("PostgresConnectionsNearMax")
        .unit(Unit::Count)
        .shows(Target::new("{{state}}", by_state))
        .color("active", Color::Green)
        .color("idle", Color::Blue)
        .color("idle in transaction", Color::Orange)
        .color("idle in transaction (aborted)", Color::Red)
}

fn waiting() -> Panel {
    Panel::timeseries("Locks and sessions that wait for them")
        .means("Sessions that wait for a lock of another, and the locks that are held, by mode.")
        .normally(
            "No session waits for longer than a moment. Ordinary statements hold AccessShare and \
             RowExclusive.",
        )
        .otherwise(
            "AccessExclusive: every other session waits for a migration. `SELECT \
             pg_blocking_pids(pid), query FROM pg_stat_activity` shows the blocking sessions.",
        )
        .unit(Unit::Count)
        .shows(Target::new(
            &legend("waiting"),
            query::top(10, promql::max(SERVER, foreign("pg_blocked_sessions"))),
        ))
        .shows(Target::new(
            &legend("{{mode}}"),
            query::top(
                10,
                promql::sum(&of_server(&["mode"]), foreign("pg_locks_count")),
            ),
        ))
        .shades("waiting", Color::Red)
}

fn idle_in_transaction() -> Panel {
    let longest = |state: &str| {
        let transaction = foreign("pg_stat_activity_max_tx_duration").matches("state", state);
        query::top(10, promql::max(SERVER, transaction))
    };
    Panel::timeseries("Longest transaction")
        .means(
            "For how long the longest transaction of each server has been open, at work and idle.",
        )
        .normally("A few seconds.")
        .otherwise(
            "Idle for minutes: the code waits for something else within a transaction. The \
             transaction keeps its locks, and prevents the removal of dead rows.",
        )
        .runbook("PostgresIdleInTransaction")
        .unit(Unit::Seconds)
        .red_from(limits::IDLE_IN_TRANSACTION_SECONDS)
        .shows(Target::new(&legend("active"), longest("active")))
        .shows(Target::new(
            &legend("idle in transaction"),
            longest("idle in transaction.*"),
        ))
        .shades("active", Color::Green)
        .shades("idle in transaction", Color::Orange)
}

fn cache_hits() -> Panel {
    // Shared objects have an empty database name.
    let per_second = |name: &str| {
        query::per_second(
            &of_server(&["datname"]),
            &foreign(name).matches_not("datname", "|template.*"),
        )
    };
    let (hit, read) = (
        per_second("pg_stat_database_blks_hit"),
        per_second("pg_stat_database_blks_read"),
    );
    Panel::timeseries("Cache hits")
        .means("The part of blocks that the server found in its cache.")
        .normally("Above 99 % for a service that reads what it wrote recently.")
        .otherwise(
            "A sudden drop: a scan of a large table; look for it in the statements. A slow \
             decline: the data outgrows the memory.",
        )
        .unit(Unit::Part)
        .shows(Target::new(
            &legend("{{datname}}"),
            format!("bottomk(10, {hit} / ({hit} + {read} > 0))"),
        ))
}

fn dead_rows() -> Panel {
    let dead = promql::sum(
        &of_server(&["datname", "schemaname", "relname"]),
        foreign("pg_stat_user_tables_n_dead_tup"),
    );
    Panel::timeseries("Dead rows")
        .means(
            "Rows that were updated or deleted and are still in their table, the ten tables with \
             the most.",
        )
        .normally("A sawtooth: vacuum removes dead rows regularly.")
        .otherwise(
            "The number only grows: vacuum is too slow, or a transaction that is open for hours \
             prevents it.",
        )
        .unit(Unit::Count)
        .shows(Target::new(
            &legend("{{datname}} {{schemaname}} {{relname}}"),
            query::top(10, dead),
        ))
}

fn deadlocks() -> Panel {
    let deadlocks = foreign("pg_stat_database_deadlocks").matches_not("datname", "|template.*");
    let deadlocks = promql::increase(&deadlocks, query::WINDOW);
    Panel::timeseries("Deadlocks")
        .means("Transactions that the server ended because two waited for each other, by database.")
        .normally("None.")
        .otherwise(
            "Several in an hour: two transactions lock the same rows in different orders. The \
             server's log names both.",
        )
        .runbook("PostgresDeadlocks")
        .unit(Unit::Count)
        .shows(Target::new(
            &legend("{{datname}}"),
            query::top(10, promql::sum(&of_server(&["datname"]), deadlocks)),
        ))
}

fn behind() -> Panel {
    let behind = promql::max(
        &of_server(&["application_name"]),
        foreign("pg_stat_replication_pg_wal_lsn_diff"),
    );
    let on = on_service(&["instance"]);
    let up = promql::max(&service_labels(&["instance"]), foreign("pg_up"));
    let none = format!("label_replace(0 * {up}, \"application_name\", \"none\", \"\", \"\")");
    Panel::timeseries("Replicas, bytes behind")
        .means(
            "How much of the write-ahead log each replica has yet to replay, as the primary sees \
             it; 0 without replicas.",
        )
        .normally("A few kilobytes.")
        .otherwise(
            "Grows: the replica or the network is too slow. The primary keeps the log for the \
             replica, until the disk of the primary is full.",
        )
        .runbook("PostgresReplicationLag")
        .unit(Unit::Bytes)
        .red_from(limits::REPLICATION_LAG_BYTES)
        .shows(Target::new(
            &legend("{{application_name}}"),
            query::top(10, format!("{behind} or {on} {none}")),
        ))
}

fn replica() -> Panel {
    let lag = query::top(
        10,
        promql::max(SERVER, foreign("pg_replication_lag_seconds")),
    );
    Panel::timeseries("Replica, time behind")
        .means(
            "How old the newest transaction is that the server has replayed, if it is a replica; \
             0 on a primary.",
        )
        .normally("Below a second.")
        .otherwise(
            "Reads from the replica return data of this age. Reads with a smaller staleness budget \
             are refused.",
        )
        .runbook("PostgresReplicationLag")
        .unit(Unit::Seconds)
        .shows(Target::new(&legend(""), lag))
}

fn statements() -> Panel {
    let by = &of_server(&["datname", "queryid", "query"]);
    let seconds = query::per_second(by, &foreign("pg_stat_statements_seconds_total"));
    let calls = query::per_second(by, &foreign("pg_stat_statements_calls_total"));
    let rows = query::per_second(by, &foreign("pg_stat_statements_rows_total"));
    Panel::table("Top statements by total time")
        .means(
            "The statements of all clients on which the server spends most time, from \
             `pg_stat_statements`. Busy is seconds per second.",
        )
        .normally("The first rows are the same every day.")
        .otherwise(
            "Take the first row's text, run `EXPLAIN (ANALYZE, BUFFERS)` with real parameters, \
             and see the page on slow queries.",
        )
        .by_service()
        .by("instance", "Exporter")
        .by("server", "Server")
        .by("datname", "Database")
        .by("queryid", "Id")
        .by("query", "Statement")
        .column(Column::new(
            "Busy",
            Unit::Seconds,
            query::top(20, seconds.clone()),
        ))
        .column(Column::new(
            "Calls",
            Unit::OperationsPerSecond,
            query::top(20, calls.clone()),
        ))
        .column(Column::new(
            "Mean",
            Unit::Seconds,
            query::top(20, format!("{seconds} / ({calls} > 0)")),
        ))
        .column(Column::new(
            "Rows",
            Unit::EventsPerSecond,
            query::top(20, rows),
        ))
}
