//! The catalog's metrics of the process, under their classic names.
//!
//! Existing dashboards query these names.

use super::{Kind, Metric};

/// User and system CPU time, in seconds with fractions.
///
/// All `process_*` metrics exist only on Linux.
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

/// Size of the mapped address space.
pub const PROCESS_VIRTUAL_MEMORY: Metric = Metric {
    name: "process_virtual_memory_bytes",
    kind: Kind::Gauge,
    unit: "By",
    labels: &[],
    buckets: None,
    help: "Virtual memory size in bytes.",
};

/// The lowest memory limit of the process's control groups.
///
/// Absent without a limit. The kernel kills a process that exceeds the limit, so watch
/// `process_resident_memory_bytes / cgroup_memory_limit_bytes`.
pub const CGROUP_MEMORY_LIMIT: Metric = Metric {
    name: "cgroup_memory_limit_bytes",
    kind: Kind::Gauge,
    unit: "By",
    labels: &[],
    buckets: None,
    help: "Memory limit of the process's control group in bytes.",
};

/// Number of file descriptors in use.
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

/// Number of threads of the process, including runtime and pool threads.
pub const PROCESS_THREADS: Metric = Metric {
    name: "process_threads",
    kind: Kind::Gauge,
    unit: "{thread}",
    labels: &[],
    buckets: None,
    help: "Number of OS threads in the process.",
};

/// Start time of the process, in seconds since the Unix epoch.
///
/// The age of the process is `time() - process_start_time_seconds`.
pub const PROCESS_START_TIME: Metric = Metric {
    name: "process_start_time_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &[],
    buckets: None,
    help: "Start time of the process since unix epoch in seconds.",
};
