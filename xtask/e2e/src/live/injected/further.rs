//! Faults whose alert goes without saying when another one is told of: who gives up waiting has waited, and what stalls has grown.

use super::{Fault, THE_SAME, none, posts};
use crate::live::site::{ORDERS, SERVER, STARVED};

pub(super) const FAULTS: &[Fault] = &[
    Fault::ticket(
        "DatabasePoolTimeouts",
        STARVED,
        "queries of 4 s, where a connection is waited for 3 s",
        |site| posts(8, 10, &site.starved.address, "/trouble/slow/4000"),
    ),
    // With four workers and about two orders a second, the oldest job gets older by 0.7 s each second: from half of its budget of
    // 40 s to all of it, there is time for a ticket, and none for a page.
    Fault::ticket(
        "WorkerQueueGrowing",
        ORDERS,
        "a bank that takes 6 s, so that more is ordered than charged",
        |site| none(site.orders.post("/faults/bank/6000", 200)),
    )
    .until(|site| site.orders.post("/faults/bank/0", 200)),
    // The tables are searched once a minute for queues that no worker knows.
    Fault::ticket(
        "WorkerQueueUnknown",
        ORDERS,
        "a job in a queue that no worker knows, in a state that does not exist",
        |site| {
            let job = "INSERT INTO apalis.jobs (id, job, job_type, status, run_at) \
                       VALUES ('left', '{}', 'left-behind', 'Lost', now() - interval '1 hour')";
            none(site.postgres.psql("orders", job).map(drop))
        },
    )
    .until(|site| {
        let gone = "DELETE FROM apalis.jobs WHERE job_type = 'left-behind'";
        site.postgres.psql("orders", gone).map(drop)
    }),
    Fault::ticket(
        "WorkerJobsStuck",
        ORDERS,
        "a job in a queue that no worker knows, in a state that does not exist",
        THE_SAME,
    ),
    Fault::ticket(
        "PostgresReplicaDisconnected",
        SERVER,
        "a standby that is killed",
        |site| none(site.replica.kill()),
    )
    .until(|site| site.replica.start_again()),
];
