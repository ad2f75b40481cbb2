//! Faults that are injected after those of [`concurrent`](super::concurrent).
//!
//! Some would affect those faults if they were injected at the same time. Pool timeouts suppress the alert on the exhausted
//! pool. A slow bank also delays the charges that are declined. A killed standby has no replication lag.

use super::{Fault, SAME_CAUSE, posts, without_value};
use crate::live::environment::{ORDERS, SERVER, STARVED};

pub(super) const FAULTS: &[Fault] = &[
    Fault::ticket(
        "DatabasePoolTimeouts",
        STARVED,
        "queries of 4 s, while a request waits at most 3 s for a connection",
        |env| posts(8, 10, &env.starved.address, "/trouble/slow/4000"),
    ),
    // With four workers and about two orders a second, the age of the oldest job grows by 0.7 s each second. While it grows
    // from half of the latency budget of 40 s to the whole, the warning has time to fire before the critical alert does.
    Fault::ticket(
        "WorkerQueueGrowing",
        ORDERS,
        "a bank that takes 6 s for each charge, so that orders arrive faster than they are charged",
        |env| without_value(env.orders.post("/faults/bank/6000", 200)),
    )
    .until(|env| env.orders.post("/faults/bank/0", 200)),
    // The service searches for queues without a worker once a minute, so this alert and the next
    // one fire late.
    Fault::ticket(
        "WorkerQueueUnknown",
        ORDERS,
        "a job with an invalid status, in a queue that no worker handles",
        |env| {
            let insert = "INSERT INTO apalis.jobs (id, job, job_type, status, run_at) \
                       VALUES ('left', '{}', 'left-behind', 'Lost', now() - interval '1 hour')";
            without_value(env.postgres.psql("orders", insert).map(drop))
        },
    )
    .until(|env| {
        let delete = "DELETE FROM apalis.jobs WHERE job_type = 'left-behind'";
        env.postgres.psql("orders", delete).map(drop)
    }),
    Fault::ticket(
        "WorkerJobsStuck",
        ORDERS,
        "a job with an invalid status, in a queue that no worker handles",
        SAME_CAUSE,
    ),
    Fault::ticket(
        "PostgresReplicaDisconnected",
        SERVER,
        "a standby that is killed",
        |env| without_value(env.replica.kill()),
    )
    .until(|env| env.replica.start_again()),
];
