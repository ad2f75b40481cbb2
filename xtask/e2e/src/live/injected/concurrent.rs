//! Faults that are injected at the same time, because none affects another.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::ensure;
use firstlight::testing::CollectorAnswer;

use super::{Fault, SAME_CAUSE, held, posts, without_value};
use crate::{
    background_load::Load,
    live::{
        environment::{ORDERS, SERVER, STARVED},
        session::Session,
    },
};

pub(super) const FAULTS: &[Fault] = &[
    Fault::page(
        "HttpLatencyBudgetBurn",
        STARVED,
        "requests whose query takes 0.4 s",
        |env| posts(6, 10, &env.starved.address, "/trouble/slow/400"),
    ),
    Fault::ticket(
        "DatabasePoolExhausted",
        STARVED,
        "requests whose query takes 0.4 s, twice as many at once as there are connections",
        SAME_CAUSE,
    ),
    Fault::page(
        "WorkerQueueStalled",
        STARVED,
        "a bank that does not answer, so that every worker hangs",
        |env| without_value(env.starved.post("/faults/bank/3600000", 200)),
    )
    .until(|env| env.starved.post("/faults/bank/0", 200)),
    Fault::ticket(
        "WorkerDeadLetters",
        ORDERS,
        "orders whose charge is declined",
        |env| {
            let pause = Duration::from_millis(500);
            let address = &env.orders.address;
            Ok(Box::new(Load::orders(1, pause, address, "declined")))
        },
    ),
    Fault::page(
        "GrpcAvailabilityBudgetBurn",
        ORDERS,
        "calls over gRPC that end with UNAVAILABLE",
        |env| posts(2, 50, &env.orders.address, "/faults/pay/14"),
    ),
    Fault::ticket(
        "DatabaseNPlusOne",
        ORDERS,
        "requests that run one statement for each of 20 rows",
        |env| posts(1, 200, &env.orders.address, "/faults/n-plus-one/20"),
    ),
    Fault::ticket(
        "MetricsCardinalityOverflow",
        ORDERS,
        "a label with 200 values, while the limit is 10 series",
        |env| posts(1, 300, &env.orders.address, "/faults/flood/200"),
    ),
    Fault::ticket(
        "DataStalerThanBudget",
        ORDERS,
        "prices that are 30 s old, while another module allows 1 s",
        |env| posts(1, 200, &env.orders.address, "/faults/stale"),
    ),
    Fault::ticket(
        "TelemetryDropping",
        ORDERS,
        "a collector that refuses everything",
        |env| {
            let reject = CollectorAnswer::Reject {
                status: 400,
                retry_after: None,
            };
            env.collector.set_answer(reject);
            without_value(Ok(()))
        },
    )
    .until(|env| {
        env.collector.set_answer(CollectorAnswer::Accept);
        Ok(())
    }),
    Fault::ticket(
        "CronThunderingHerd",
        ORDERS,
        "three schedules that start in the same second, without jitter",
        |env| without_value(env.orders.post("/faults/herd/true", 200)),
    )
    .until(|env| env.orders.post("/faults/herd/false", 200)),
    Fault::ticket(
        "ProcessOpenFilesNearLimit",
        STARVED,
        "195 connections that clients keep open after a response, while the limit is 256 open files",
        |env| {
            let address = env.starved.address.trim_start_matches("http://");
            held(195, || kept_open(address))
        },
    ),
    Fault::ticket(
        "PostgresDeadlocks",
        SERVER,
        "transfers that lock two accounts in opposite order",
        |env| Ok(Box::new(Load::deadlocks(&env.orders.address))),
    ),
    Fault::ticket(
        "PostgresIdleInTransaction",
        SERVER,
        "a transaction that is never ended",
        |env| {
            let mut session = Session::open(env.postgres.port(), "orders")?;
            session.begin()?;
            Ok(Box::new(session))
        },
    ),
    Fault::ticket(
        "PostgresConnectionsNearMax",
        SERVER,
        "36 of 60 connections are held open",
        |env| held(36, || Session::open(env.postgres.port(), "orders")),
    ),
    Fault::ticket(
        "PostgresReplicationLag",
        SERVER,
        "a standby that does not replay, while 300 MiB are written",
        |env| {
            let replica = &env.replica;
            replica.psql("postgres", "SELECT pg_wal_replay_pause()")?;
            // Writes WAL like a bulk load, without a table to remove.
            let load = "SELECT count(pg_logical_emit_message(false, 'load', repeat('x', 1048576))) \
                        FROM generate_series(1, 300)";
            without_value(env.postgres.psql("postgres", load).map(drop))
        },
    )
    .until(|env| {
        let resume = "SELECT pg_wal_replay_resume()";
        env.replica.psql("postgres", resume).map(drop)
    }),
];

/// Opens a connection, reads one answer, and keeps the connection open.
///
/// The service would soon close a connection without a request.
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
