//! `process_*`: what the operating system knows about this process.
//!
//! Read from `/proc` at each scrape, so Linux only; on other systems the page has none of them, rather than wrong ones.
//! What it leaves out: the machine and the container, which node_exporter and cAdvisor see better, except for the one
//! number of the container that decides over this process: its memory limit.

use crate::collector::{Collector, Samples};

/// Writes what the system tells; what it does not tell is left out.
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

    /// Read once: it does not change, and the kernel's boot time is in a file that grows with the number of processors.
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
                // Not from whole seconds: `rate()` of an idle process would jump between 0 and 1.
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
