//! The numbers that an alert fires at and a panel turns red at: each once, so that the two agree.
//!
//! Left out: budgets that the service exports itself, such as a queue's latency or a schedule's interval. Those live beside
//! the code that must keep them, and rules and panels read them as metrics.

/// A burn rate alert's pair of windows: the long one says that it matters, the short one that it still goes on.
///
/// Source: the Site Reliability Workbook, chapter 5, table 5-8; the `wait` is that of kubernetes-mixin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Burn {
    /// As PromQL writes durations.
    pub(crate) long: &'static str,
    pub(crate) short: &'static str,
    /// How many times faster than allowed the error budget burns.
    pub(crate) rate: f64,
    /// How long it must be so before the alert fires.
    pub(crate) wait: &'static str,
    /// Whether it is a page.
    pub(crate) pages: bool,
}

/// All pairs, the most urgent first.
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

/// The part of requests that must not fail, unless a service says otherwise: 43 minutes of a month may be lost.
pub(crate) const AVAILABILITY: f64 = 0.999;
/// The part of requests that must be faster than [`LATENCY_SECONDS`], unless a service says otherwise.
pub(crate) const LATENCY: f64 = 0.99;
/// A bucket of the histogram, and no whole number: Prometheus 3 writes `le="1"` as `le="1.0"`.
pub(crate) const LATENCY_SECONDS: f64 = 0.25;

/// The part of a queue's latency budget that its oldest job has used up when a growing queue is worth a ticket.
pub(crate) const QUEUE_BUDGET_PART: f64 = 0.5;
/// Scheduled runs at the same time in one service that are a herd.
pub(crate) const HERD_RUNS: f64 = 3.0;
/// The part of a pool's connections in use at which the next burst waits.
pub(crate) const POOL_PART: f64 = 0.9;
/// The part of the seconds within which a service promises to answer that a request may wait for a connection of a full pool, or a
/// task for a thread of the runtime, 99th percentile: 0.1 s of 0.25. A pool that is full and never waited for has just the right size.
pub(crate) const WAIT_PART: f64 = 0.4;
/// The part of the memory limit at which the kernel's killer is near.
pub(crate) const MEMORY_PART: f64 = 0.9;
/// The part of the open file limit at which connections will soon be refused.
pub(crate) const OPEN_FILES_PART: f64 = 0.8;

/// Failed or slow requests below which no burn rate counts: one error among ten requests of a night is ten percent, and no reason
/// to page. Nor by a cache that is cold for ten minutes of 30 requests an hour, which makes five slow ones.
pub(crate) const BURN_EVENTS: f64 = 10.0;
/// Failed or slow requests of five minutes that count without waiting until all windows have seen them: a quarter more, because
/// `increase()` of a series that is scraped once a minute says up to a quarter too much.
pub(crate) const BURN_EVENTS_AT_ONCE: f64 = 13.0;
/// Requests per second below which a service has so few that none for a while means nothing: 180 in half an hour.
pub(crate) const TRAFFIC_FLOOR: f64 = 0.1;
/// Requests of an hour that repeat one statement too often before it is worth a ticket.
pub(crate) const N_PLUS_ONE_REQUESTS: f64 = 10.0;
/// The part of reads that may be older than the budget of their data.
pub(crate) const STALE_READS_PART: f64 = 0.01;

/// The part of PostgreSQL's `max_connections` at which a deploy, which starts new instances before it stops old ones, no longer
/// fits.
pub(crate) const SERVER_CONNECTIONS_PART: f64 = 0.8;
/// Deadlocks of an hour in one database that are a pattern; PostgreSQL ends each within a second, and the loser tries again.
pub(crate) const DEADLOCKS: f64 = 5.0;
/// How long a transaction may stay open without use: it keeps its locks, and vacuum from all that is newer.
pub(crate) const IDLE_IN_TRANSACTION: &str = "5m";
/// [`IDLE_IN_TRANSACTION`] in seconds.
pub(crate) const IDLE_IN_TRANSACTION_SECONDS: f64 = 300.0;
/// Bytes that a replica may be behind: sixteen segments of the write-ahead log.
pub(crate) const REPLICATION_LAG_BYTES: f64 = 268_435_456.0;

/// Attempts of an hour without a success that are no bad luck of a single job.
pub(crate) const FAILED_ATTEMPTS: f64 = 5.0;
/// How long a job may be due in a queue that no worker knows, and that has no budget of its own therefore.
pub(crate) const UNKNOWN_QUEUE: &str = "15m";

/// All of what the service itself says is enough, in a panel that shows how much of it is used: a queue's latency budget, the
/// intervals of a schedule, the age of data.
pub(crate) const WHOLE: f64 = 1.0;
/// Nothing of a budget is left.
pub(crate) const BUDGET_LEFT: f64 = 0.0;
/// One has to be there: an instance that is up, a queue that can be read.
pub(crate) const INSTANCES: f64 = 1.0;
/// More than none, of what should never happen. Rates are divided by their window, so a single event is far below 1.
pub(crate) const ANY: f64 = 0.000_001;
