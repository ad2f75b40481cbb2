//! A server that is full, locked, held up and behind.

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
    let with =
        |label: (&'static str, &'static str)| SERVER.into_iter().chain([label]).collect::<Vec<_>>();
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
                "17 deadlocks in the database orders of db:5432 in the last hour.",
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
        AlertTest::of("PostgresReplicaDisconnected", "while it is behind, and a backup that ends")
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
                "db:5432 had 1 connections of the replica replica-1 within a day, and has fewer now.",
            )
            .resolved(85),
        AlertTest::of("PostgresReplicaDisconnected", "nothing is known of them while the primary is away")
            .series(&series("pg_settings_max_connections", ""), "100x30 stale")
            .series(
                &series("pg_stat_replication_pg_wal_lsn_diff", r#",application_name="replica-1""#),
                "0x30 stale",
            )
            .transient(60),
        AlertTest::of("PostgresDown", "a restart, and then for good")
            .series(r#"pg_up{job="postgres",instance="db"}"#, "1x10 0 1x19 0x20 1x20")
            .series(r#"up{job="postgres",instance="db"}"#, "1x90")
            .transient(12)
            .fires(
                40,
                &[("job", "postgres"), ("instance", "db")],
                "The exporter db of postgres does not reach PostgreSQL, does not answer itself, or is no longer a target.",
            )
            .resolved(55),
        AlertTest::of("PostgresDown", "its exporter, and no other target")
            .series(r#"pg_up{job="postgres",instance="db"}"#, "1x30 stale")
            .series(r#"up{job="postgres",instance="db"}"#, "1x30 0x60")
            .series(r#"up{job="node",instance="db"}"#, "0x90")
            .transient(29)
            .fires(
                40,
                &[("job", "postgres"), ("instance", "db")],
                "The exporter db of postgres does not reach PostgreSQL, does not answer itself, or is no longer a target.",
            ),
        AlertTest::of("PostgresDown", "its exporter is a target no more, beside another that moved to a new address")
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
