//! `process_*` metrics: what the operating system knows about this process.
//!
//! The values are read from `/proc` at each scrape, so these metrics exist on Linux only. Metrics of the machine and of the
//! container are left to node_exporter and cAdvisor, except for the container's memory limit, above which the kernel kills
//! this process. The book's decision 21 has the reasons why `metrics-process` is not used.

use crate::collector::{Collector, Samples};

/// Collects the metrics that the system provides, and leaves out the others.
#[derive(Debug)]
pub(super) struct ProcessCollector {
    /// Seconds since the Unix epoch.
    #[cfg(target_os = "linux")]
    started: Option<f64>,
    #[cfg(target_os = "linux")]
    memory_limit: super::cgroup::MemoryLimit,
}

#[cfg(target_os = "linux")]
mod linux {
    use procfs::{
        ProcResult,
        process::{LimitValue, Process},
    };

    use super::{Collector, ProcessCollector, Samples};
    use crate::{catalog, metrics::cgroup::MemoryLimit};

    impl ProcessCollector {
        pub(in crate::metrics) fn new() -> Self {
            Self {
                started: started().ok(),
                memory_limit: MemoryLimit::new(),
            }
        }
    }

    /// The start of the process, in seconds since the Unix epoch.
    ///
    /// Read once, because the file with the kernel's boot time grows with the number of processors.
    fn started() -> ProcResult<f64> {
        let ticks = Process::myself()?.stat()?.starttime;
        Ok(procfs::boot_time_secs()? as f64 + seconds(ticks))
    }

    fn seconds(ticks: u64) -> f64 {
        ticks as f64 / procfs::ticks_per_second() as f64
    }

    impl Collector for ProcessCollector {
        fn collect(&self, samples: &mut dyn Samples) {
            let Ok(process) = Process::myself() else {
                return;
            };
            if let Ok(stat) = process.stat() {
                // Fractions of a second: with whole seconds, `rate()` of an idle process would jump between 0 and 1.
                let cpu = seconds(stat.utime.saturating_add(stat.stime));
                samples.sample(&catalog::PROCESS_CPU_SECONDS, &[], cpu);
                let resident = stat.rss.saturating_mul(procfs::page_size());
                samples.sample(&catalog::PROCESS_RESIDENT_MEMORY, &[], resident as f64);
                samples.sample(&catalog::PROCESS_VIRTUAL_MEMORY, &[], stat.vsize as f64);
                samples.sample(&catalog::PROCESS_THREADS, &[], stat.num_threads as f64);
            }
            if let Ok(open) = process.fd_count() {
                samples.sample(&catalog::PROCESS_OPEN_FDS, &[], open as f64);
            }
            if let Ok(limits) = process.limits() {
                let max = match limits.max_open_files.soft_limit {
                    LimitValue::Unlimited => f64::INFINITY,
                    LimitValue::Value(max) => max as f64,
                };
                samples.sample(&catalog::PROCESS_MAX_FDS, &[], max);
            }
            if let Some(limit) = self.memory_limit.read() {
                samples.sample(&catalog::CGROUP_MEMORY_LIMIT, &[], limit as f64);
            }
            if let Some(started) = self.started {
                samples.sample(&catalog::PROCESS_START_TIME, &[], started);
            }
        }
    }
}

/// The memory of this process, where the system tells it.
#[derive(Debug)]
pub(crate) struct ProcessMemory {
    #[cfg(target_os = "linux")]
    limit: super::cgroup::MemoryLimit,
}

#[cfg(target_os = "linux")]
impl ProcessMemory {
    pub(crate) fn new() -> Self {
        Self {
            limit: super::cgroup::MemoryLimit::new(),
        }
    }

    /// The resident memory in bytes.
    pub(crate) fn used(&self) -> Option<u64> {
        let memory = procfs::process::Process::myself().ok()?.statm().ok()?;
        Some(memory.resident.saturating_mul(procfs::page_size()))
    }

    /// The limit of the control group in bytes.
    pub(crate) fn limit(&self) -> Option<u64> {
        self.limit.read()
    }
}

/// The CPU time of this process in seconds, where the system tells it.
#[cfg(all(feature = "console", target_os = "linux"))]
pub(crate) fn cpu_seconds() -> Option<f64> {
    let stat = procfs::process::Process::myself().ok()?.stat().ok()?;
    let ticks = stat.utime.saturating_add(stat.stime);
    Some(ticks as f64 / procfs::ticks_per_second() as f64)
}

#[cfg(all(feature = "console", not(target_os = "linux")))]
pub(crate) fn cpu_seconds() -> Option<f64> {
    None
}

#[cfg(not(target_os = "linux"))]
impl ProcessMemory {
    pub(crate) fn new() -> Self {
        Self {}
    }

    pub(crate) fn used(&self) -> Option<u64> {
        None
    }

    pub(crate) fn limit(&self) -> Option<u64> {
        None
    }
}

#[cfg(not(target_os = "linux"))]
impl ProcessCollector {
    pub(super) fn new() -> Self {
        Self {}
    }
}

#[cfg(not(target_os = "linux"))]
impl Collector for ProcessCollector {
    fn collect(&self, _samples: &mut dyn Samples) {}
}
