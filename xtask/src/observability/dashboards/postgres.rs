//! PostgreSQL's own side, as postgres_exporter sees it; `postgres_exporter.yaml` beside the dashboards has the queries that its
//! version 0.11 does not bring.

use super::{
    Colour, Column, Panel, Row, Target, Unit,
    query::{self, foreign},
};
use crate::observability::promql;

pub(super) fn row() -> Row {
    Row::collapsed("The server: PostgreSQL (choose the job of postgres_exporter, or follow the link at the top)")
        .line([connections(), waiting(), idle_in_transaction()])
        .line([cache_hits(), dead_rows(), replication()])
        .line([statements()])
}

fn connections() -> Panel {
    let by_state = promql::sum(&["state"], foreign("pg_stat_activity_count"));
    let most = promql::max(&[], foreign("pg_settings_max_connections"));
    Panel::timeseries("Server connections")
        .means("Connections of all clients by state, and how many the server allows.")
        .normally("Well below the maximum, most of them idle.")
        .otherwise("Near the maximum: new connections are refused soon, also those of whoever wants to help. Find the client with the most in `pg_stat_activity`.")
        .unit(Unit::Count)
        .shows(Target::new("{{state}}", by_state))
        .shows(Target::new("maximum", most))
        .colour("active", Colour::Green)
        .colour("idle", Colour::Blue)
        .colour("idle in transaction", Colour::Orange)
        .colour("maximum", Colour::Purple)
}

fn waiting() -> Panel {
    Panel::timeseries("Locks and who waits for them")
        .means("Sessions that wait for a lock of another, and the locks that are held, by mode.")
        .normally("Nobody waits for longer than a moment. AccessShare and RowExclusive are ordinary work.")
        .otherwise("AccessExclusive is a migration that everybody waits for. `SELECT pg_blocking_pids(pid), query FROM pg_stat_activity` says who blocks.")
        .unit(Unit::Count)
        .shows(Target::new("waiting", promql::sum(&[], foreign("pg_blocked_sessions"))))
        .shows(Target::new("{{mode}}", promql::sum(&["mode"], foreign("pg_locks_count"))))
        .colour("waiting", Colour::Red)
}

fn idle_in_transaction() -> Panel {
    let longest = |state: &str| {
        let transaction = foreign("pg_stat_activity_max_tx_duration").matches("state", state);
        promql::max(&[], transaction)
    };
    Panel::timeseries("Longest transaction")
        .means("For how long the longest transaction has been open, at work and idle.")
        .normally("Seconds.")
        .otherwise("Idle for minutes: code that waits for something else inside a transaction. It keeps its locks, and no dead row is removed meanwhile.")
        .unit(Unit::Seconds)
        .shows(Target::new("active", longest("active")))
        .shows(Target::new("idle in transaction", longest("idle in transaction.*")))
        .colour("active", Colour::Green)
        .colour("idle in transaction", Colour::Orange)
}

fn cache_hits() -> Panel {
    let per_second = |name: &str| {
        query::per_second(
            &["datname"],
            &foreign(name).matches_not("datname", "template.*"),
        )
    };
    let (hit, read) = (
        per_second("pg_stat_database_blks_hit"),
        per_second("pg_stat_database_blks_read"),
    );
    Panel::timeseries("Cache hits")
        .means("The part of blocks that the server found in its own memory.")
        .normally("Above 99 % for a service that reads what it wrote recently.")
        .otherwise("A fall is a scan of a large table: look for it in the statements. A slow decline is data that outgrows the memory.")
        .unit(Unit::Part)
        .shows(Target::new("{{datname}}", format!("{hit} / ({hit} + {read} > 0)")))
}

fn dead_rows() -> Panel {
    let by: &[&str] = &["datname", "relname"];
    let dead = promql::sum(by, foreign("pg_stat_user_tables_n_dead_tup"));
    Panel::timeseries("Dead rows")
        .means("Rows that were updated or deleted and are still in their table, the ten tables with the most.")
        .normally("A saw: it climbs, and the vacuum brings it down.")
        .otherwise("It only climbs: the vacuum is too slow, or a transaction that is open for hours holds it back.")
        .unit(Unit::Count)
        .shows(Target::new("{{datname}} {{relname}}", query::top(10, dead)))
}

fn replication() -> Panel {
    let lag = promql::max(&["instance"], foreign("pg_replication_lag_seconds"));
    Panel::timeseries("Replication lag")
        .means("How far the replica is behind its primary; 0 on the primary.")
        .normally("Below a second.")
        .otherwise("Reads from that replica are as old as this. A primary without writes looks like a lag on versions of the exporter before 0.15.")
        .unit(Unit::Seconds)
        .shows(Target::new("{{instance}}", lag))
}

fn statements() -> Panel {
    let by: &[&str] = &["datname", "queryid", "query"];
    let seconds = query::per_second(by, &foreign("pg_stat_statements_seconds_total"));
    let calls = query::per_second(by, &foreign("pg_stat_statements_calls_total"));
    let rows = query::per_second(by, &foreign("pg_stat_statements_rows_total"));
    Panel::table("Top statements by total time")
        .means("What the server spends its time on, of all its clients, from `pg_stat_statements`: busy is seconds per second.")
        .normally("The same first rows on every day.")
        .otherwise("Take the first row's text, run `EXPLAIN (ANALYZE, BUFFERS)` with real parameters, and see the page on slow queries.")
        .by("datname", "Database")
        .by("queryid", "Id")
        .by("query", "Statement")
        .column(Column::new("Busy", Unit::Seconds, query::top(20, seconds.clone())))
        .column(Column::new("Calls", Unit::OperationsPerSecond, query::top(20, calls.clone())))
        .column(Column::new("Mean", Unit::Seconds, query::top(20, format!("{seconds} / ({calls} > 0)"))))
        .column(Column::new("Rows", Unit::EventsPerSecond, query::top(20, rows)))
}
