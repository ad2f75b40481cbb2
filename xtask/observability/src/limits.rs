//! The limits at which alerts fire and panels turn red, each defined once.
//!
//! Limits that the service itself exports, such as a queue's latency budget or the staleness budget
//! of its data, are declared in the service. Rules and panels read them as metrics.

/// A pair of windows of a burn rate alert.
///
/// The long window shows that the burn is significant, and the short one that it is still going on. Source: the Site
/// Reliability Workbook, chapter 5, table 5-8. `wait` is the same as in kubernetes-mixin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Burn {
    /// The long window, as a PromQL duration.
    pub(crate) long: &'static str,
    /// The short window, as a PromQL duration.
    pub(crate) short: &'static str,
    /// The burn rate: how many times faster than allowed the error budget burns.
    pub(crate) rate: f64,
    /// How long both windows must exceed the rate before the alert fires.
    pub(crate) wait: &'static str,
    /// Whether the alert pages.
    pub(crate) pages: bool,
}

/// All pairs of windows, the most urgent first.
pub(crate) const BURNS: [Burn; 4] = [
    Burn {
        long: "1h",
        short: "5m",
        rate: 14.4,
        wait: "2m",
        pages: true,
    },
    Burn {
        long: "6h",
        short: "30m",
        rate: 6.0,
        wait: "15m",
        pages: true,
    },
    Burn {
        long: "1d",
        short: "2h",
        rate: 3.0,
        wait: "1h",
        pages: false,
    },
    Burn {
        long: "3d",
        short: "6h",
        rate: 1.0,
        wait: "3h",
        pages: false,
    },
];

/// The default availability objective: the ratio of requests that must not fail.
///
/// It allows for 43 minutes of outage a month.
pub(crate) const AVAILABILITY: f64 = 0.999;
/// The default ratio of requests that must be faster than [`LATENCY_SECONDS`].
pub(crate) const LATENCY: f64 = 0.99;
/// The default latency objective, in seconds.
///
/// It is a bound of the histogram, so it is not rounded up to the next bound.
pub(crate) const LATENCY_SECONDS: f64 = 0.25;

/// The used ratio of a latency budget at which a growing queue is a ticket.
pub(crate) const QUEUE_BUDGET_RATIO: f64 = 0.5;
/// Concurrent scheduled runs in one service that count as a thundering herd.
pub(crate) const HERD_RUNS: f64 = 3.0;
/// The ratio of a pool's connections in use at which a burst has to wait.
pub(crate) const POOL_RATIO: f64 = 0.9;
/// The ratio of the latency objective that waits may use, at the 99th percentile.
///
/// It limits waits for a connection of a full pool and for a thread of the runtime: 0.1 s of the default 0.25 s. A full pool
/// without waits has the right size.
pub(crate) const WAIT_RATIO: f64 = 0.4;
/// The used ratio of the memory limit at which an OOM kill is near.
pub(crate) const MEMORY_RATIO: f64 = 0.9;
/// The used ratio of file descriptors at which connections are soon refused.
pub(crate) const OPEN_FILES_RATIO: f64 = 0.8;

/// The fewest failed or slow requests for which a burn rate alert fires.
///
/// One error among ten requests of a quiet night is ten percent, but no reason to page. Neither are five slow requests,
/// the result of a cache that is cold for ten minutes at 30 requests an hour.
pub(crate) const BURN_EVENTS: f64 = 10.0;
/// Failed or slow requests in five minutes that suffice for a burn rate alert.
///
/// Such a burst need not be counted over the long window.
///
/// This is a quarter more than [`BURN_EVENTS`], rounded up, because `increase()` of a series that is scraped once a minute
/// overestimates by up to a quarter.
pub(crate) const BURN_EVENTS_AT_ONCE: f64 = 13.0;
/// Requests per second below which a lack of traffic is ignored.
///
/// This is 180 requests in half an hour.
pub(crate) const TRAFFIC_FLOOR: f64 = 0.1;
/// Requests within an hour with the same repeated statement that are a ticket.
pub(crate) const N_PLUS_ONE_REQUESTS: f64 = 10.0;
/// The ratio of reads that may exceed the staleness budget of their data.
pub(crate) const STALE_READS_RATIO: f64 = 0.01;

/// The used ratio of PostgreSQL's `max_connections` at which a deploy may fail.
///
/// A deploy starts new instances before it stops the old ones.
pub(crate) const SERVER_CONNECTIONS_RATIO: f64 = 0.8;
/// Deadlocks within an hour in one database that are a ticket.
///
/// PostgreSQL resolves each within a second, and the aborted transaction is retried.
pub(crate) const DEADLOCKS: f64 = 5.0;
/// How long a transaction may be idle.
///
/// An idle transaction keeps its locks, and vacuum cannot remove rows that died after it started.
pub(crate) const IDLE_IN_TRANSACTION: &str = "5m";
/// [`IDLE_IN_TRANSACTION`] in seconds.
pub(crate) const IDLE_IN_TRANSACTION_SECONDS: f64 = 300.0;
/// Bytes that a replica may lag: 16 segments of the WAL, 16 MiB each.
pub(crate) const REPLICATION_LAG_BYTES: f64 = 268_435_456.0;

/// Failed attempts within an hour, without a success, that are a ticket.
///
/// Fewer failures may come from a single job.
pub(crate) const FAILED_ATTEMPTS: f64 = 5.0;
/// How long a job may be due in a queue that no worker declares.
///
/// Such a queue exports no latency budget.
pub(crate) const UNKNOWN_QUEUE: &str = "15m";

/// The used ratio at which a limit that the service exports is reached.
///
/// Panels that show the used part of such a limit have this threshold. The limits are the latency
/// budget of a queue and the staleness budget of a type of data.
pub(crate) const FULLY_USED: f64 = 1.0;
/// The remaining ratio of an error budget at which it is used up.
pub(crate) const BUDGET_LEFT: f64 = 0.0;
/// The limit for values that must be at least 1, such as instances that are up.
pub(crate) const AT_LEAST_ONE: f64 = 1.0;
/// The limit for events that should never happen.
///
/// A rate is divided by its window, so a single event gives far less than 1.
pub(crate) const ABOVE_ZERO: f64 = 0.000_001;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use support::paths;

    fn source(file: &str) -> anyhow::Result<String> {
        let rules = paths::root().join("telemetry-crate/src/admin/explain/rules");
        Ok(fs::read_to_string(rules.join(file))?)
    }

    /// `/explain` must find what an alert sends the operator to look for.
    #[test]
    fn rules_of_explain_have_the_limits() -> anyhow::Result<()> {
        // 15 minutes in seconds.
        assert_eq!(UNKNOWN_QUEUE, "15m");
        for (file, name, limit) in [
            ("process.rs", "MEMORY", MEMORY_RATIO),
            ("process.rs", "OPEN_FILES", OPEN_FILES_RATIO),
            ("work.rs", "GROWN", QUEUE_BUDGET_RATIO),
            ("work.rs", "FORGOTTEN", 900.0),
            ("work.rs", "STALE", STALE_READS_RATIO),
        ] {
            let constant = format!("\nconst {name}: f64 = {limit:?};\n");
            assert!(source(file)?.contains(&constant), "{file}: no{constant}");
        }
        Ok(())
    }
}
