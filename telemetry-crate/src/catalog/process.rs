//! The catalog's metrics of the process, under their classic names.
//!
//! Existing dashboards query these names.

use super::{Kind, Metric};

/// User and system CPU time, in seconds with fractions.
///
/// Only on Linux, like all of `process_*`.
pub const PROCESS_CPU_SECONDS: Metric = Metric {
    name: "process_cpu_seconds_total",
    kind: Kind::Counter,
    unit: "s",
    labels: &[],
    buckets: None,
    help: "Total user and system CPU time spent in seconds.",
};

/// Memory of the process that is in RAM.
pub const PROCESS_RESIDENT_MEMORY: Metric = Metric {
    name: "process_resident_memory_bytes",
    kind: Kind::Gauge,
    unit: "By",
    labels: &[],
    buckets: None,
    help: "Resident memory size in bytes.",
};

/// Mapped address space.
pub const PROCESS_VIRTUAL_MEMORY: Metric = Metric {
    name: "process_virtual_memory_bytes",
    kind: Kind::Gauge,
    unit: "By",
    labels: &[],
    buckets: None,
    help: "Virtual memory size in bytes.",
};

/// The lowest memory limit of the process's control groups. Absent without one.
///
/// The kernel kills the process above it, so watch `process_resident_memory_bytes / cgroup_memory_limit_bytes`.
pub const CGROUP_MEMORY_LIMIT: Metric = Metric {
    name: "cgroup_memory_limit_bytes",
    kind: Kind::Gauge,
    unit: "By",
    labels: &[],
    buckets: None,
    help: "Memory limit of the process's control group in bytes.",
};

/// File descriptors in use.
pub const PROCESS_OPEN_FDS: Metric = Metric {
    name: "process_open_fds",
    kind: Kind::Gauge,
    unit: "{file_descriptor}",
    labels: &[],
    buckets: None,
    help: "Number of open file descriptors.",
};

/// The soft limit of file descriptors; `+Inf` if unlimited.
pub const PROCESS_MAX_FDS: Metric = Metric {
    name: "process_max_fds",
    kind: Kind::Gauge,
    unit: "{file_descriptor}",
    labels: &[],
    buckets: None,
    help: "Maximum number of open file descriptors.",
};

/// Threads of the process, including those of all runtimes and pools.
pub const PROCESS_THREADS: Metric = Metric {
    name: "process_threads",
    kind: Kind::Gauge,
    unit: "{thread}",
    labels: &[],
    buckets: None,
    help: "Number of OS threads in the process.",
};

/// Start time of the process.
///
/// Its age is `time() - process_start_time_seconds`.
pub const PROCESS_START_TIME: Metric = Metric {
    name: "process_start_time_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &[],
    buckets: None,
    help: "Start time of the process since unix epoch in seconds.",
};
