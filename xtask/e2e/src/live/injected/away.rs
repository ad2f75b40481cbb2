//! What is gone altogether, and everything that needs it in trouble.

use std::thread;

use super::{Fault, THE_SAME, none, posts};
use crate::live::site::{ORDERS, SERVER, STARVED};

/// PostgreSQL is killed, and with it all that needs it.
pub(super) const DATABASE: &[Fault] = &[
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
    Fault::ticket("PostgresDown", SERVER, "PostgreSQL killed", THE_SAME),
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

/// One service is killed, and the other is no longer a target.
pub(super) const SERVICES: &[Fault] = &[
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
