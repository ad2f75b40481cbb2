//! Processors, processor time and resident memory, from the operating system.

use std::{fs, time::Duration};

use anyhow::Context as _;
use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    time::{clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};

/// A processor for the server and another one for this program.
///
/// `None` if only one may be used.
#[derive(Debug)]
pub(crate) struct Processors(Option<(usize, usize)>);

impl Processors {
    /// Chooses both processors and moves this program to its own.
    pub(crate) fn split() -> anyhow::Result<Self> {
        let allowed = sched_getaffinity(CALLING_THREAD).context("which processors may be used")?;
        let allowed: Vec<_> = (0..CpuSet::count())
            .filter(|cpu| allowed.is_set(*cpu) == Ok(true))
            .collect();
        // The first processor also serves most interrupts, so the server gets the last one.
        let pair = match allowed[..] {
            [ours, .., servers] => Some((ours, servers)),
            _ => None,
        };
        if let Some((ours, _)) = pair {
            run_on(ours)?;
        }
        Ok(Self(pair))
    }

    /// Runs `start` on the server's processor.
    ///
    /// A child that is started there stays there with all its threads. A thread of this program would stay there too, so
    /// `start` must start none.
    pub(crate) fn on_server_cpu<T>(
        &self,
        start: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let Some((ours, servers)) = self.0 else {
            return start();
        };
        run_on(servers)?;
        let started = start();
        run_on(ours)?;
        started
    }
}

fn run_on(cpu: usize) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    sched_setaffinity(CALLING_THREAD, &set)
        .with_context(|| format!("cannot run on processor {cpu}"))
}

/// User and system time of all threads of a process, including ended ones.
pub(crate) fn processor_time(process: Pid) -> anyhow::Result<Duration> {
    let clock = clock_getcpuclockid(process).context("the server's processor clock")?;
    Ok(Duration::from(
        clock_gettime(clock).context("the server's processor time")?,
    ))
}

/// Resident memory of a process in MiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resident {
    pub(crate) all: f64,
    /// Heap and stacks; the rest are pages of files, such as the program's code.
    pub(crate) anonymous: f64,
}

pub(crate) fn resident(process: Pid) -> anyhow::Result<Resident> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let mib = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let line = line.with_context(|| format!("no {field} in the status"))?;
        let kib: u32 = line.trim_end_matches("kB").trim().parse()?;
        anyhow::Ok(f64::from(kib) / 1024.0)
    };
    Ok(Resident {
        all: mib("VmRSS:")?,
        anonymous: mib("RssAnon:")?,
    })
}

/// The process id that means the calling thread, for the scheduler.
const CALLING_THREAD: Pid = Pid::from_raw(0);
