//! Faults whose alerts are inhibited by alerts of the concurrent faults.
//!
//! Timeouts of a pool follow from its exhaustion, and a queue that stalls also grows.

use super::{Fault, SAME_CAUSE, none, posts};
use crate::live::environment::{ORDERS, SERVER, STARVED};

pub(super) const FAULTS: &[Fault] = &[
    Fault::ticket(
        "DatabasePoolTimeouts",
        STARVED,
        "queries of 4 s, while a request waits at most 3 s for a connection",
        |env| posts(8, 10, &env.starved.address, "/trouble/slow/4000"),
    ),
    // With four workers and about two orders a second, the oldest job ages by 0.7 s each second. From half of its latency
    // budget of 40 s to all of it, there is time for the warning, but none for the critical alert.
    Fault::ticket(
        "WorkerQueueGrowing",
        ORDERS,
        "a bank that takes 6 s for each charge, so that orders arrive faster than they are charged",
        |env| none(env.orders.post("/faults/bank/6000", 200)),
    )
    .until(|env| env.orders.post("/faults/bank/0", 200)),
    // Queues without a worker are read from the tables once a minute.
    Fault::ticket(
        "WorkerQueueUnknown",
        ORDERS,
        "a job with an invalid status, in a queue that no worker handles",
        |env| {
            let job = "INSERT INTO apalis.jobs (id, job, job_type, status, run_at) \
                       VALUES ('left', '{}', 'left-behind', 'Lost', now() - interval '1 hour')";
            none(env.postgres.psql("orders", job).map(drop))
        },
    )
    .until(|env| {
        let gone = "DELETE FROM apalis.jobs WHERE job_type = 'left-behind'";
        env.postgres.psql("orders", gone).map(drop)
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
        |env| none(env.replica.kill()),
    )
    .until(|env| env.replica.start_again()),
];
