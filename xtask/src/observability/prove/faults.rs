//! The faults: what is done to whom, and which alert must tell of it.
//!
//! Those that do not disturb each other go on at the same time. Each is a cause and not a number: nothing here writes a metric.

use super::{
    load::Load,
    session::Session,
    site::{ORDERS, SERVER, STARVED, Site},
};
use firstlight::testing::Answer;
use std::time::Duration;

/// What goes on until it is dropped.
pub(super) type Cause = Box<dyn std::any::Any>;

/// An alert, and how to have it.
pub(super) struct Fault {
    pub(super) alert: &'static str,
    pub(super) job: &'static str,
    pub(super) severity: &'static str,
    /// What is done, for the table.
    pub(super) cause: &'static str,
    pub(super) begin: fn(&Site) -> anyhow::Result<Cause>,
    pub(super) end: fn(&Site) -> anyhow::Result<()>,
}

const PAGE: &str = "critical";
const TICKET: &str = "warning";
/// For causes that end with their load.
const NOTHING: fn(&Site) -> anyhow::Result<()> = |_| Ok(());

fn posts(clients: usize, pause: u64, address: &str, path: &str) -> Cause {
    let pause = Duration::from_millis(pause);
    Box::new(Load::of(clients, pause, format!("{address}{path}")))
}

fn none(done: anyhow::Result<()>) -> anyhow::Result<Cause> {
    done.map(|()| Box::new(()) as Cause)
}

/// While the database is there.
pub(super) const SIDE_BY_SIDE: &[Fault] = &[
    Fault {
        alert: "HttpLatencyBudgetBurn",
        job: STARVED,
        severity: PAGE,
        cause: "requests whose query takes 0.4 s",
        begin: |site| Ok(posts(6, 10, &site.starved.address, "/trouble/slow/400")),
        end: NOTHING,
    },
    Fault {
        alert: "DatabasePoolExhausted",
        job: STARVED,
        severity: TICKET,
        cause: "twice as many such requests at once as there are connections",
        begin: |_| none(Ok(())),
        end: NOTHING,
    },
    Fault {
        alert: "WorkerQueueStalled",
        job: ORDERS,
        severity: PAGE,
        cause: "a bank that hangs, and with it every worker",
        begin: |site| none(site.orders.post("/faults/bank/true", 200)),
        end: |site| site.orders.post("/faults/bank/false", 200),
    },
    Fault {
        alert: "WorkerDeadLetters",
        job: STARVED,
        severity: TICKET,
        cause: "orders whose charge is declined",
        begin: |site| {
            let pause = Duration::from_millis(500);
            let address = &site.starved.address;
            Ok(Box::new(Load::of_orders(1, pause, address, "declined")))
        },
        end: NOTHING,
    },
    Fault {
        alert: "DatabaseNPlusOne",
        job: ORDERS,
        severity: TICKET,
        cause: "requests that run one statement for each of 20 rows",
        begin: |site| Ok(posts(1, 200, &site.orders.address, "/faults/n-plus-one/20")),
        end: NOTHING,
    },
    Fault {
        alert: "MetricsOverBudget",
        job: ORDERS,
        severity: TICKET,
        cause: "a label with 200 values where 10 are allowed",
        begin: |site| Ok(posts(1, 300, &site.orders.address, "/faults/flood/200")),
        end: NOTHING,
    },
    Fault {
        alert: "DataStalerThanBudget",
        job: ORDERS,
        severity: TICKET,
        cause: "prices 30 s old where another module allows 1 s",
        begin: |site| Ok(posts(1, 200, &site.orders.address, "/faults/stale")),
        end: NOTHING,
    },
    Fault {
        alert: "TelemetryDropping",
        job: ORDERS,
        severity: TICKET,
        cause: "a collector that refuses everything",
        begin: |site| {
            let refuse = Answer::Reject {
                status: 400,
                retry_after: None,
            };
            site.collector.set_answer(refuse);
            none(Ok(()))
        },
        end: |site| {
            site.collector.set_answer(Answer::Accept);
            Ok(())
        },
    },
    Fault {
        alert: "CronThunderingHerd",
        job: ORDERS,
        severity: TICKET,
        cause: "three schedules at the same second, none of them spread",
        begin: |site| none(site.orders.post("/faults/herd/true", 200)),
        end: |site| site.orders.post("/faults/herd/false", 200),
    },
    Fault {
        alert: "PostgresDeadlocks",
        job: SERVER,
        severity: TICKET,
        cause: "transfers that lock two accounts in opposite order",
        begin: |site| Ok(Box::new(Load::of_deadlocks(&site.orders.address))),
        end: NOTHING,
    },
    Fault {
        alert: "PostgresIdleInTransaction",
        job: SERVER,
        severity: TICKET,
        cause: "a transaction that nobody ends",
        begin: |site| {
            let mut session = Session::open(site.postgres.port(), "orders")?;
            session.begin()?;
            Ok(Box::new(session))
        },
        end: NOTHING,
    },
    Fault {
        alert: "PostgresConnectionsNearMax",
        job: SERVER,
        severity: TICKET,
        cause: "36 connections that are held, of 60",
        begin: |site| {
            let open = |_| Session::open(site.postgres.port(), "orders");
            let held: anyhow::Result<Vec<_>> = (0..36).map(open).collect();
            Ok(Box::new(held?))
        },
        end: NOTHING,
    },
];

/// PostgreSQL is killed, and with it all that needs it.
pub(super) const DATABASE_AWAY: &[Fault] = &[
    Fault {
        alert: "HttpAvailabilityBudgetBurn",
        job: ORDERS,
        severity: PAGE,
        cause: "PostgreSQL killed",
        begin: |site| none(site.postgres.kill()),
        end: |site| site.postgres.start_again(),
    },
    Fault {
        alert: "WorkerQueueUnreadable",
        job: ORDERS,
        severity: TICKET,
        cause: "PostgreSQL killed",
        begin: |_| none(Ok(())),
        end: NOTHING,
    },
    Fault {
        alert: "CronRunMissed",
        job: ORDERS,
        severity: TICKET,
        cause: "PostgreSQL killed, where a schedule runs every other second",
        begin: |_| none(Ok(())),
        end: NOTHING,
    },
];

/// Last, because whoever is down has no other trouble.
pub(super) const SERVICE_AWAY: &[Fault] = &[
    Fault {
        alert: "ServiceDown",
        job: STARVED,
        severity: PAGE,
        cause: "the service killed",
        begin: |site| none(site.starved.kill()),
        end: |site| site.start_again(&site.starved),
    },
    Fault {
        alert: "ServiceAbsent",
        job: ORDERS,
        severity: PAGE,
        cause: "the service taken from Prometheus' targets",
        begin: |site| none(site.scrape(|job| job != ORDERS)),
        end: |site| site.scrape(|_| true),
    },
];
