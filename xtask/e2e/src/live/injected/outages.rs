//! Outages of the database and of the services.

use std::thread;

use super::{Fault, SAME_CAUSE, posts, without_value};
use crate::live::environment::{ORDERS, SERVER, STARVED};

/// Faults while PostgreSQL is killed.
pub(super) const DATABASE: &[Fault] = &[
    Fault::page(
        "HttpAvailabilityBudgetBurn",
        ORDERS,
        "PostgreSQL killed",
        |env| without_value(env.postgres.kill()),
    )
    .until(|env| env.postgres.start_again()),
    Fault::ticket(
        "WorkerQueueUnreadable",
        ORDERS,
        "PostgreSQL killed",
        SAME_CAUSE,
    ),
    Fault::ticket(
        "CronRunMissed",
        ORDERS,
        "PostgreSQL killed, while a schedule runs every two seconds",
        SAME_CAUSE,
    ),
    Fault::ticket("PostgresDown", SERVER, "PostgreSQL killed", SAME_CAUSE),
    // This fault needs no database.
    Fault::ticket(
        "RuntimeSchedulerDelay",
        STARVED,
        "handlers that block every thread of the runtime",
        |env| {
            let threads = thread::available_parallelism()?.get();
            // Longer than a second, from which on `/explain` says that the runtime is blocked.
            posts(2 * threads, 0, &env.starved.address, "/faults/block/1500")
        },
    ),
];

/// Faults of the services: one is killed, and the other is no longer scraped.
pub(super) const SERVICES: &[Fault] = &[
    Fault::page("ServiceDown", STARVED, "the service killed", |env| {
        without_value(env.starved.kill())
    })
    .until(|env| env.start_again(&env.starved)),
    Fault::page(
        "ServiceAbsent",
        ORDERS,
        "the service removed from Prometheus' targets",
        |env| without_value(env.scrape(|job| job != ORDERS)),
    )
    .until(|env| env.scrape(|_| true)),
];
