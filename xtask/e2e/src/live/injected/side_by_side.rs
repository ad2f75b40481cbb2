//! Faults that go on at the same time, while the database is there: none of them disturbs another.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::ensure;
use firstlight::testing::Answer;

use super::{Fault, THE_SAME, held, none, posts};
use crate::live::{
    load::Load,
    session::Session,
    site::{ORDERS, SERVER, STARVED},
};

pub(super) const FAULTS: &[Fault] = &[
    Fault::page(
        "HttpLatencyBudgetBurn",
        STARVED,
        "requests whose query takes 0.4 s",
        |site| posts(6, 10, &site.starved.address, "/trouble/slow/400"),
    ),
    Fault::ticket(
        "DatabasePoolExhausted",
        STARVED,
        "requests whose query takes 0.4 s, twice as many at once as there are connections",
        THE_SAME,
    ),
    Fault::page(
        "WorkerQueueStalled",
        STARVED,
        "a bank that hangs, and with it every worker",
        |site| none(site.starved.post("/faults/bank/3600000", 200)),
    )
    .until(|site| site.starved.post("/faults/bank/0", 200)),
    Fault::ticket(
        "WorkerDeadLetters",
        ORDERS,
        "orders whose charge is declined",
        |site| {
            let pause = Duration::from_millis(500);
            let address = &site.orders.address;
            Ok(Box::new(Load::of_orders(1, pause, address, "declined")))
        },
    ),
    Fault::ticket(
        "DatabaseNPlusOne",
        ORDERS,
        "requests that run one statement for each of 20 rows",
        |site| posts(1, 200, &site.orders.address, "/faults/n-plus-one/20"),
    ),
    Fault::ticket(
        "MetricsOverBudget",
        ORDERS,
        "a label with 200 values where 10 are allowed",
        |site| posts(1, 300, &site.orders.address, "/faults/flood/200"),
    ),
    Fault::ticket(
        "DataStalerThanBudget",
        ORDERS,
        "prices 30 s old where another module allows 1 s",
        |site| posts(1, 200, &site.orders.address, "/faults/stale"),
    ),
    Fault::ticket(
        "TelemetryDropping",
        ORDERS,
        "a collector that refuses everything",
        |site| {
            let refuse = Answer::Reject {
                status: 400,
                retry_after: None,
            };
            site.collector.set_answer(refuse);
            none(Ok(()))
        },
    )
    .until(|site| {
        site.collector.set_answer(Answer::Accept);
        Ok(())
    }),
    Fault::ticket(
        "CronThunderingHerd",
        ORDERS,
        "three schedules at the same second, none of them spread",
        |site| none(site.orders.post("/faults/herd/true", 200)),
    )
    .until(|site| site.orders.post("/faults/herd/false", 200)),
    Fault::ticket(
        "ProcessOpenFilesNearLimit",
        STARVED,
        "195 connections that clients keep open after an answer, where 256 files may be open",
        |site| {
            let address = site.starved.address.trim_start_matches("http://");
            held(195, || kept_open(address))
        },
    ),
    Fault::ticket(
        "PostgresDeadlocks",
        SERVER,
        "transfers that lock two accounts in opposite order",
        |site| Ok(Box::new(Load::of_deadlocks(&site.orders.address))),
    ),
    Fault::ticket(
        "PostgresIdleInTransaction",
        SERVER,
        "a transaction that is never ended",
        |site| {
            let mut session = Session::open(site.postgres.port(), "orders")?;
            session.begin()?;
            Ok(Box::new(session))
        },
    ),
    Fault::ticket(
        "PostgresConnectionsNearMax",
        SERVER,
        "36 connections that are held, of 60",
        |site| held(36, || Session::open(site.postgres.port(), "orders")),
    ),
    Fault::ticket(
        "PostgresReplicationLag",
        SERVER,
        "a standby that does not replay, while 300 MiB are written",
        |site| {
            let replica = &site.replica;
            replica.psql("postgres", "SELECT pg_wal_replay_pause()")?;
            // A bulk load without a table that would be left.
            let load = "SELECT count(pg_logical_emit_message(false, 'load', repeat('x', 1048576))) \
                        FROM generate_series(1, 300)";
            none(site.postgres.psql("postgres", load).map(drop))
        },
    )
    .until(|site| {
        let resume = "SELECT pg_wal_replay_resume()";
        site.replica.psql("postgres", resume).map(drop)
    }),
];

/// A connection that has had an answer and waits for the next request; one without any is closed by the service soon.
fn kept_open(address: &str) -> anyhow::Result<TcpStream> {
    let mut connection = TcpStream::connect(address)?;
    connection.write_all(b"GET /nothing HTTP/1.1\r\nhost: live\r\n\r\n")?;
    let read = connection.read(&mut [0; 1024])?;
    ensure!(
        read > 0,
        "the service closed a connection without an answer"
    );
    Ok(connection)
}
