//! The PostgreSQL server, on the metrics of postgres_exporter 0.11 and later.
//!
//! Left out: what the service feels of it, which is in the error budgets, and cache hits, which are a number to look at and no
//! reason to do something.

pub(super) mod drills;

use super::{alert::Alert, board::Board, group::Group, timing::Timing};
use crate::observability::{
    limits::{DEADLOCKS, IDLE_IN_TRANSACTION, REPLICATION_LAG_BYTES, SERVER_CONNECTIONS_PART},
    promql::{Selector, increase, max, sum},
};

const SERVER: [&str; 3] = ["job", "instance", "server"];
const DATABASE: [&str; 4] = ["job", "instance", "server", "datname"];

pub(super) fn group(timing: Timing) -> Group {
    Group::new("firstlight-postgresql").alerts([
        connections_near_max(),
        deadlocks(),
        idle_in_transaction(timing),
        replication_lag(),
    ])
}

fn connections_near_max() -> Alert {
    let open = sum(&SERVER, Selector::foreign("pg_stat_activity_count"));
    let most = max(&SERVER, Selector::foreign("pg_settings_max_connections"));
    Alert::ticket("PostgresConnectionsNearMax")
        .because(
            "A deploy starts new instances before it stops old ones, each with a pool of its own.",
        )
        .when(&[
            &open,
            &format!("/ on ({})", SERVER.join(", ")),
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
        .when(&[&format!("{} >= {DEADLOCKS}", sum(&DATABASE, increase(&deadlocks, "1h")))])
        .lasting("1m")
        .summary("Transactions block one another for good.")
        .description("{{ $value | humanize }} deadlocks in the database {{ $labels.datname }} of {{ $labels.server }} in the last hour.")
        .on(Board::Database)
}

fn idle_in_transaction(timing: Timing) -> Alert {
    let longest = Selector::foreign("pg_stat_activity_max_tx_duration")
        .matches("state", "idle in transaction.*");
    let longest = max(&DATABASE, longest);
    Alert::ticket("PostgresIdleInTransaction")
        .because("An open transaction keeps its locks, and keeps vacuum from everything that is newer. A service that waits for somebody else inside of one is the usual cause.")
        .when(&[&format!("{longest} > {}", timing.seconds(IDLE_IN_TRANSACTION))])
        .lasting("1m")
        .summary("A transaction is open and nobody uses it.")
        .description("A transaction in the database {{ $labels.datname }} of {{ $labels.server }} has been open for {{ $value | humanizeDuration }} and does nothing.")
        .on(Board::Database)
}

fn replication_lag() -> Alert {
    let replica: Vec<&str> = SERVER.into_iter().chain(["application_name"]).collect();
    let behind = max(
        &replica,
        Selector::foreign("pg_stat_replication_pg_wal_lsn_diff"),
    );
    Alert::ticket("PostgresReplicationLag")
        .because("In bytes, as the primary sees it: seconds since the last replayed transaction also pass while nobody writes.")
        .when(&[&format!("{behind} > {REPLICATION_LAG_BYTES}")])
        .lasting("10m")
        .summary("A replica falls behind.")
        .description("The replica {{ $labels.application_name }} of {{ $labels.server }} is {{ $value | humanize1024 }}B behind.")
        .on(Board::Database)
}
