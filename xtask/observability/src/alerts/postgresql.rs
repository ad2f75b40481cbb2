//! The PostgreSQL server, on the metrics of postgres_exporter 0.11 and later.
//!
//! Left out: what the service feels of it, which is in the error budgets, and cache hits, which are a number to look at and no
//! reason to do something.

pub(super) mod alert_tests;

use super::{alert::Alert, board::Board, group::Group, timing::Timing};
use crate::{
    limits::{DEADLOCKS, IDLE_IN_TRANSACTION, REPLICATION_LAG_BYTES, SERVER_CONNECTIONS_PART},
    promql::{Selector, increase, max, min, of_service, on_service, sum},
};

/// A server as one exporter sees it.
const SERVER: [&str; 2] = ["instance", "server"];
const DATABASE: [&str; 3] = ["instance", "server", "datname"];
const REPLICA: [&str; 3] = ["instance", "server", "application_name"];

pub(super) fn group(timing: Timing) -> Group {
    Group::new("firstlight-postgresql").alerts([
        down(),
        connections_near_max(),
        deadlocks(),
        idle_in_transaction(timing),
        replication_lag(),
        replica_disconnected(),
    ])
}

fn down() -> Alert {
    let pg_up = Selector::foreign("pg_up");
    let up = Selector::foreign("up");
    let by = of_service(&["instance"]);
    Alert::ticket("PostgresDown")
        .because(
            "What users feel of it pages by itself. Without the server, or without its exporter, every other alert on PostgreSQL is \
             silent. The last lines are an exporter that is no target any more: nothing but what it said within a day tells of it.",
        )
        .when(&[
            &format!("{} == 0", min(&by, &pg_up)),
            &format!("or {}", on_service(&["instance"])),
            &format!("{} == 0", min(&by, up)),
            &format!("and {}", on_service(&["instance"])),
            &format!("last_over_time({pg_up}[1d])"),
            &format!("or {}", on_service(&["instance"])),
            &format!("({}", max(&by, format!("last_over_time({pg_up}[1d])"))),
            &format!("unless {}", on_service(&[])),
            "up)",
        ])
        .lasting("2m")
        .summary("PostgreSQL does not answer its exporter.")
        .description("The exporter {{ $labels.instance }} of {{ $labels.job }} does not reach PostgreSQL, does not answer itself, or is no longer a target.")
        .on(Board::Database)
}

fn connections_near_max() -> Alert {
    let open = sum(
        &of_service(&SERVER),
        Selector::foreign("pg_stat_activity_count"),
    );
    let most = max(
        &of_service(&SERVER),
        Selector::foreign("pg_settings_max_connections"),
    );
    Alert::ticket("PostgresConnectionsNearMax")
        .because(
            "A deploy starts new instances before it stops old ones, each with a pool of its own.",
        )
        .when(&[
            &open,
            &format!("/ {}", on_service(&SERVER)),
            &most,
            &format!("> {SERVER_CONNECTIONS_PART}"),
        ])
        .lasting("5m")
        .summary("PostgreSQL is about to refuse connections.")
        .description(
            "{{ $labels.server }} has {{ $value | humanizePercentage }} of its connections in use.",
        )
        .on(Board::Database)
}

fn deadlocks() -> Alert {
    let deadlocks = Selector::foreign("pg_stat_database_deadlocks");
    Alert::ticket("PostgresDeadlocks")
        .because("PostgreSQL ends each within a second, and the loser fails. One is bad luck; several an hour are two pieces of code that lock in different orders.")
        .when(&[&format!("{} >= {DEADLOCKS}", sum(&of_service(&DATABASE), increase(&deadlocks, "1h")))])
        .lasting("1m")
        .summary("Transactions block one another for good.")
        .description("{{ $value | humanize }} deadlocks in the database {{ $labels.datname }} of {{ $labels.server }} in the last hour.")
        .on(Board::Database)
}

fn idle_in_transaction(timing: Timing) -> Alert {
    let longest = Selector::foreign("pg_stat_activity_max_tx_duration")
        .matches("state", "idle in transaction.*");
    let longest = max(&of_service(&DATABASE), longest);
    Alert::ticket("PostgresIdleInTransaction")
        .because("An open transaction keeps its locks, and keeps vacuum from everything that is newer. A service that waits for another one inside of it is the usual cause.")
        .when(&[&format!("{longest} > {}", timing.seconds(IDLE_IN_TRANSACTION))])
        .lasting("1m")
        .summary("A transaction is open and is not used.")
        .description("A transaction in the database {{ $labels.datname }} of {{ $labels.server }} has been open for {{ $value | humanizeDuration }} and does nothing.")
        .on(Board::Database)
}

fn replication_lag() -> Alert {
    let behind = max(
        &of_service(&REPLICA),
        Selector::foreign("pg_stat_replication_pg_wal_lsn_diff"),
    );
    Alert::ticket("PostgresReplicationLag")
        .because("In bytes, as the primary sees it: seconds since the last replayed transaction also pass while nothing is written.")
        .when(&[&format!("{behind} > {REPLICATION_LAG_BYTES}")])
        .lasting("10m")
        .summary("A replica falls behind.")
        .description("The replica {{ $labels.application_name }} of {{ $labels.server }} is {{ $value | humanize1024 }}B behind.")
        .on(Board::Database)
}

fn replica_disconnected() -> Alert {
    let replica = of_service(&REPLICA);
    let on = on_service(&REPLICA);
    let lag = Selector::foreign("pg_stat_replication_pg_wal_lsn_diff")
        .is_not("application_name", "pg_basebackup");
    let connected = format!("count by ({}) ({lag})", replica.join(", "));
    let most = format!("max_over_time({connected}[1d:5m])");
    let server = max(
        &of_service(&SERVER),
        Selector::foreign("pg_settings_max_connections"),
    );
    Alert::ticket("PostgresReplicaDisconnected")
        .because(
            "A replica that disconnects takes its lag with it: what was behind is then no longer known. Of several with one name, one \
             that is missing is enough. While the primary is away nothing is known of its replicas.",
        )
        .when(&[
            &most,
            &format!("> {on}"),
            &format!("({connected} or {on} 0 * {most})"),
            &format!("and {}", on_service(&SERVER)),
            &server,
        ])
        .lasting("5m")
        .summary("A replica is no longer connected.")
        .description("{{ $labels.server }} had {{ $value }} connections of the replica {{ $labels.application_name }} within a day, and has fewer now.")
        .on(Board::Database)
}
