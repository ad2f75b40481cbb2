//! Alerts on the PostgreSQL server.
//!
//! They use the metrics of postgres_exporter 0.11 or later. All of them open tickets, because the alerts on error
//! budgets page for the impact on users. Cache hits have a panel only, because they require no action.

use super::{alert::Alert, board::Board, group::Group, timing::Timing};
use crate::{
    limits::{DEADLOCKS, IDLE_IN_TRANSACTION, REPLICATION_LAG_BYTES, SERVER_CONNECTIONS_RATIO},
    promql::{Selector, increase, max, min, on_service, service_labels, sum},
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
    let by = service_labels(&["instance"]);
    Alert::ticket("PostgresDown")
        .because(
            "The effect on users pages through other alerts. Without the server or its exporter, no other alert on PostgreSQL can \
             fire. The last lines detect an exporter that is no longer a target, by its samples within a day.",
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
        &service_labels(&SERVER),
        Selector::foreign("pg_stat_activity_count"),
    );
    let most = max(
        &service_labels(&SERVER),
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
            &format!("> {SERVER_CONNECTIONS_RATIO}"),
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
        .because("PostgreSQL resolves each deadlock within a second and aborts one transaction. A single one may be chance. Several within an hour indicate code that takes locks in different orders.")
        .when(&[&format!("{} >= {DEADLOCKS}", sum(&service_labels(&DATABASE), increase(&deadlocks, "1h")))])
        .lasting("1m")
        .summary("Transactions run into deadlocks.")
        .description("Deadlocks in the database {{ $labels.datname }} of {{ $labels.server }} in the last hour: {{ $value | humanize }}.")
        .on(Board::Database)
}

fn idle_in_transaction(timing: Timing) -> Alert {
    let longest = Selector::foreign("pg_stat_activity_max_tx_duration")
        .matches("state", "idle in transaction.*");
    let longest = max(&service_labels(&DATABASE), longest);
    Alert::ticket("PostgresIdleInTransaction")
        .because("An open transaction holds its locks, and vacuum cannot remove rows that died after it began. The usual cause is a service that waits for another service inside a transaction.")
        .when(&[&format!("{longest} > {}", timing.seconds(IDLE_IN_TRANSACTION))])
        .lasting("1m")
        .summary("A transaction is open and is not used.")
        .description("A transaction in the database {{ $labels.datname }} of {{ $labels.server }} has been open for {{ $value | humanizeDuration }} and does nothing.")
        .on(Board::Database)
}

fn replication_lag() -> Alert {
    let behind = max(
        &service_labels(&REPLICA),
        Selector::foreign("pg_stat_replication_pg_wal_lsn_diff"),
    );
    Alert::ticket("PostgresReplicationLag")
        .because("The lag is in bytes, as the primary sees it. Seconds since the last replayed transaction also pass while nothing is written.")
        .when(&[&format!("{behind} > {REPLICATION_LAG_BYTES}")])
        .lasting("10m")
        .summary("A replica falls behind.")
        .description("The replica {{ $labels.application_name }} of {{ $labels.server }} is {{ $value | humanize1024 }}B behind.")
        .on(Board::Database)
}

fn replica_disconnected() -> Alert {
    let replica = service_labels(&REPLICA);
    let on = on_service(&REPLICA);
    let lag = Selector::foreign("pg_stat_replication_pg_wal_lsn_diff")
        .is_not("application_name", "pg_basebackup");
    let connected = format!("count by ({}) ({lag})", replica.join(", "));
    let most = format!("max_over_time({connected}[1d:5m])");
    let server = max(
        &service_labels(&SERVER),
        Selector::foreign("pg_settings_max_connections"),
    );
    Alert::ticket("PostgresReplicaDisconnected")
        .because(
            "The lag of a replica is no longer known after it disconnects. If several replicas share a name, one missing replica is \
             enough. While the primary is down, the state of its replicas is unknown and the alert does not fire.",
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
        .description("{{ $labels.server }} has fewer connections of the replica {{ $labels.application_name }} than the maximum of the last day, which was {{ $value }}.")
        .on(Board::Database)
}

/// Tests of alerts on connections, locks, transactions and replication.
pub(super) mod alert_tests {
    use crate::alerts::alert_test::AlertTest;

    const SERVER: [(&str, &str); 3] = [
        ("job", "postgres"),
        ("instance", "db"),
        ("server", "db:5432"),
    ];

    pub(in super::super) fn all() -> Vec<AlertTest> {
        let series = |name: &str, labels: &str| {
            format!(r#"{name}{{job="postgres",instance="db",server="db:5432"{labels}}}"#)
        };
        let with = |label: (&'static str, &'static str)| {
            SERVER.into_iter().chain([label]).collect::<Vec<_>>()
        };
        vec![
            AlertTest::of("PostgresConnectionsNearMax", "a deploy, and then a leak")
                .series(&series("pg_settings_max_connections", ""), "100x60")
                .series(&series("pg_stat_activity_count", r#",datname="orders",state="idle""#), "50x10 80x3 50x16 80x20 50x20")
                .series(&series("pg_stat_activity_count", r#",datname="orders",state="active""#), "10x60")
                .transient(13)
                .fires(45, &SERVER, "db:5432 has 90% of its connections in use.")
                .resolved(55),
            AlertTest::of("PostgresDeadlocks", "one, and then one every two minutes")
                .series(&series("pg_stat_database_deadlocks", r#",datname="orders""#), "0x10 1x59 1+0.5x40 21x90")
                .transient(20)
                .fires(
                    105,
                    &with(("datname", "orders")),
                    "Deadlocks in the database orders of db:5432 in the last hour: 17.",
                )
                .resolved(180),
            AlertTest::of("PostgresIdleInTransaction", "a transaction that is never ended")
                .series(
                    &series("pg_stat_activity_max_tx_duration", r#",datname="orders",state="idle in transaction""#),
                    "0x10 100 200 0x18 0+60x15 0x20",
                )
                .series(&series("pg_stat_activity_max_tx_duration", r#",datname="orders",state="active""#), "900x70")
                .transient(13)
                .fires(
                    40,
                    &with(("datname", "orders")),
                    "A transaction in the database orders of db:5432 has been open for 8m 0s and does nothing.",
                )
                .resolved(55),
            AlertTest::of("PostgresReplicationLag", "a bulk load, and then a replica that no longer keeps up")
                .series(
                    &series("pg_stat_replication_pg_wal_lsn_diff", r#",application_name="replica-1""#),
                    "0x10 300000000x5 0x14 536870912x20 0x20",
                )
                .transient(15)
                .fires(
                    45,
                    &with(("application_name", "replica-1")),
                    "The replica replica-1 of db:5432 is 512MiB behind.",
                )
                .resolved(55),
            AlertTest::of("PostgresReplicaDisconnected", "a replica that lags, and a backup that ends")
                .series(&series("pg_settings_max_connections", ""), "100x120")
                .series(
                    &series("pg_stat_replication_pg_wal_lsn_diff", r#",application_name="replica-1""#),
                    "0x10 536870912x19 stale _x40 0x30",
                )
                .series(
                    &series("pg_stat_replication_pg_wal_lsn_diff", r#",application_name="pg_basebackup""#),
                    "0x10 stale",
                )
                .transient(25)
                .transient(33)
                .fires(
                    45,
                    &with(("application_name", "replica-1")),
                    "db:5432 has fewer connections of the replica replica-1 than the maximum of the last day, which was 1.",
                )
                .resolved(85),
            AlertTest::of("PostgresReplicaDisconnected", "the state is unknown while the primary is down")
                .series(&series("pg_settings_max_connections", ""), "100x30 stale")
                .series(
                    &series("pg_stat_replication_pg_wal_lsn_diff", r#",application_name="replica-1""#),
                    "0x30 stale",
                )
                .transient(60),
            AlertTest::of("PostgresDown", "a restart, and then an outage")
                .series(r#"pg_up{job="postgres",instance="db"}"#, "1x10 0 1x19 0x20 1x20")
                .series(r#"up{job="postgres",instance="db"}"#, "1x90")
                .transient(12)
                .fires(
                    40,
                    &[("job", "postgres"), ("instance", "db")],
                    "The exporter db of postgres does not reach PostgreSQL, does not answer itself, or is no longer a target.",
                )
                .resolved(55),
            AlertTest::of("PostgresDown", "its exporter does not answer")
                .series(r#"pg_up{job="postgres",instance="db"}"#, "1x30 stale")
                .series(r#"up{job="postgres",instance="db"}"#, "1x30 0x60")
                .series(r#"up{job="node",instance="db"}"#, "0x90")
                .transient(29)
                .fires(
                    40,
                    &[("job", "postgres"), ("instance", "db")],
                    "The exporter db of postgres does not reach PostgreSQL, does not answer itself, or is no longer a target.",
                ),
            AlertTest::of("PostgresDown", "its exporter is no longer a target, and another moved to a new address")
                .series(r#"pg_up{job="postgres",instance="db"}"#, "1x30 stale _x40 1x30")
                .series(r#"up{job="postgres",instance="db"}"#, "1x30 stale _x40 1x30")
                .series(r#"pg_up{job="moved",instance="10.0.0.1"}"#, "1x30 stale")
                .series(r#"up{job="moved",instance="10.0.0.1"}"#, "1x30 stale")
                .series(r#"pg_up{job="moved",instance="10.0.0.2"}"#, "_x31 1x70")
                .series(r#"up{job="moved",instance="10.0.0.2"}"#, "_x31 1x70")
                .transient(30)
                .fires(
                    45,
                    &[("job", "postgres"), ("instance", "db")],
                    "The exporter db of postgres does not reach PostgreSQL, does not answer itself, or is no longer a target.",
                )
                .resolved(90),
        ]
    }
}
