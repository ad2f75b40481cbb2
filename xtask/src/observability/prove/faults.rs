//! The faults: what is done to whom, and which alert must tell of it.
//!
//! Those that do not disturb each other go on at the same time. Each is a cause and not a number: nothing here writes a metric.

use std::{net::TcpStream, thread, time::Duration};

use firstlight::testing::Answer;

use super::{
    load::Load,
    session::Session,
    site::{FEW_FILES, ORDERS, SERVER, STARVED, Site},
};

/// What goes on until it is dropped.
pub(super) type Cause = Box<dyn std::any::Any>;

type Begin = fn(&Site) -> anyhow::Result<Cause>;
type End = fn(&Site) -> anyhow::Result<()>;

/// An alert, and how to have it.
pub(super) struct Fault {
    pub(super) alert: &'static str,
    pub(super) job: &'static str,
    pub(super) severity: &'static str,
    /// What is done, for the table.
    pub(super) cause: &'static str,
    pub(super) begin: Begin,
    /// After the [`Cause`] has been dropped, which is enough for most.
    pub(super) end: End,
}

impl Fault {
    const fn page(
        alert: &'static str,
        job: &'static str,
        cause: &'static str,
        begin: Begin,
    ) -> Self {
        Self {
            alert,
            job,
            severity: "critical",
            cause,
            begin,
            end: |_| Ok(()),
        }
    }

    const fn ticket(
        alert: &'static str,
        job: &'static str,
        cause: &'static str,
        begin: Begin,
    ) -> Self {
        Self {
            severity: "warning",
            ..Self::page(alert, job, cause, begin)
        }
    }

    const fn until(self, end: End) -> Self {
        Self { end, ..self }
    }
}

/// For what the fault before it causes as well.
const THE_SAME: Begin = |_| none(Ok(()));

fn none(done: anyhow::Result<()>) -> anyhow::Result<Cause> {
    done.map(|()| Box::new(()) as Cause)
}

fn posts(clients: usize, pause: u64, address: &str, path: &str) -> anyhow::Result<Cause> {
    let pause = Duration::from_millis(pause);
    Ok(Box::new(Load::of(
        clients,
        pause,
        format!("{address}{path}"),
    )))
}

fn held<T: 'static>(many: usize, open: impl Fn() -> anyhow::Result<T>) -> anyhow::Result<Cause> {
    let held: anyhow::Result<Vec<T>> = (0..many).map(|_| open()).collect();
    Ok(Box::new(held?))
}

/// While the database is there.
pub(super) const SIDE_BY_SIDE: &[Fault] = &[
    Fault::page(
        "HttpLatencyBudgetBurn",
        STARVED,
        "requests whose query takes 0.4 s",
        |site| posts(6, 10, &site.starved.address, "/trouble/slow/400"),
    ),
    Fault::ticket(
        "DatabasePoolExhausted",
        STARVED,
        "twice as many such requests at once as there are connections",
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
        "195 connections that clients open and forget, where 256 files may be open",
        |site| {
            let address = site.starved.address.trim_start_matches("http://");
            held(FEW_FILES - 61, || Ok(TcpStream::connect(address)?))
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
        "a transaction that nobody ends",
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

/// What would hide others: who gives up waiting is no longer said to wait, and who stalls no longer to grow.
pub(super) const ONE_STEP_FURTHER: &[Fault] = &[
    Fault::ticket(
        "DatabasePoolTimeouts",
        STARVED,
        "queries of 4 s, where a connection is waited for 3 s",
        |site| posts(8, 10, &site.starved.address, "/trouble/slow/4000"),
    ),
    Fault::ticket(
        "WorkerQueueGrowing",
        ORDERS,
        "a bank that takes 6 s, so that more is ordered than charged",
        |site| none(site.orders.post("/faults/bank/6000", 200)),
    )
    .until(|site| site.orders.post("/faults/bank/0", 200)),
];

/// PostgreSQL is killed, and with it all that needs it.
pub(super) const DATABASE_AWAY: &[Fault] = &[
    Fault::page(
        "HttpAvailabilityBudgetBurn",
        ORDERS,
        "PostgreSQL killed",
        |site| none(site.postgres.kill()),
    )
    .until(|site| site.postgres.start_again()),
    Fault::ticket(
        "WorkerQueueUnreadable",
        ORDERS,
        "PostgreSQL killed",
        THE_SAME,
    ),
    Fault::ticket(
        "CronRunMissed",
        ORDERS,
        "PostgreSQL killed, where a schedule runs every other second",
        THE_SAME,
    ),
    // Needs no database.
    Fault::ticket(
        "RuntimeSchedulerDelay",
        STARVED,
        "handlers that block every thread of the runtime",
        |site| {
            let threads = thread::available_parallelism()?.get();
            posts(2 * threads, 0, &site.starved.address, "/faults/block/500")
        },
    ),
];

/// Last, because whoever is down has no other trouble.
pub(super) const SERVICE_AWAY: &[Fault] = &[
    Fault::page("ServiceDown", STARVED, "the service killed", |site| {
        none(site.starved.kill())
    })
    .until(|site| site.start_again(&site.starved)),
    Fault::page(
        "ServiceAbsent",
        ORDERS,
        "the service taken from Prometheus' targets",
        |site| none(site.scrape(|job| job != ORDERS)),
    )
    .until(|site| site.scrape(|_| true)),
];
