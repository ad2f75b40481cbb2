//! The part of the catalogue about the process: the classic names, because every dashboard in circulation asks for them.

use super::{Kind, Metric};

/// Processor time, user and system, in fractions of a second. Linux only, like all of `process_*`.
pub const PROCESS_CPU_SECONDS: Metric = Metric {
    name: "process_cpu_seconds_total",
    kind: Kind::Counter,
    unit: "s",
    labels: &[],
    buckets: None,
    help: "Total user and system CPU time spent in seconds.",
};

/// Memory that is in RAM now.
pub const PROCESS_RESIDENT_MEMORY: Metric = Metric {
    name: "process_resident_memory_bytes",
    kind: Kind::Gauge,
    unit: "By",
    labels: &[],
    buckets: None,
    help: "Resident memory size in bytes.",
};

/// Address space that is mapped.
pub const PROCESS_VIRTUAL_MEMORY: Metric = Metric {
    name: "process_virtual_memory_bytes",
    kind: Kind::Gauge,
    unit: "By",
    labels: &[],
    buckets: None,
    help: "Virtual memory size in bytes.",
};

/// The lowest memory limit of the process's control groups; absent where there is none. Beyond it the kernel kills, so
/// `process_resident_memory_bytes / cgroup_memory_limit_bytes` is how close the process is.
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

/// File descriptors that the process may use: its soft limit, `+Inf` when unlimited.
pub const PROCESS_MAX_FDS: Metric = Metric {
    name: "process_max_fds",
    kind: Kind::Gauge,
    unit: "{file_descriptor}",
    labels: &[],
    buckets: None,
    help: "Maximum number of open file descriptors.",
};

/// Threads of the process, of every runtime and pool.
pub const PROCESS_THREADS: Metric = Metric {
    name: "process_threads",
    kind: Kind::Gauge,
    unit: "{thread}",
    labels: &[],
    buckets: None,
    help: "Number of OS threads in the process.",
};

/// When the process started; `time() - process_start_time_seconds` is its age.
pub const PROCESS_START_TIME: Metric = Metric {
    name: "process_start_time_seconds",
    kind: Kind::Gauge,
    unit: "s",
    labels: &[],
    buckets: None,
    help: "Start time of the process since unix epoch in seconds.",
};
