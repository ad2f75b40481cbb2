//! What the file says, as plain values.

use std::time::SystemTime;

/// What a process leaves to the next one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LastWords {
    pub(crate) process: Process,
    /// The last time at which the process is known to have run.
    pub(crate) heartbeat: SystemTime,
    pub(crate) memory: Option<Memory>,
    pub(crate) ended: Ended,
    /// The last panic that did not end the process.
    pub(crate) survived_panic: Option<Panic>,
    /// When the process was told to stop, if it was.
    pub(crate) stopping_since: Option<SystemTime>,
    /// Since when the runtime does not run its tasks.
    pub(crate) stalled_since: Option<SystemTime>,
    /// The open local roots, in any order.
    ///
    /// The file keeps the oldest that fit.
    pub(crate) open: Vec<OpenRoot>,
    /// The number of open local roots that are not in `open`.
    pub(crate) open_left_out: u64,
    /// The last log lines, the newest last.
    ///
    /// The file keeps the newest that fit.
    pub(crate) lines: Vec<Vec<u8>>,
    /// The fingerprints of the known error groups.
    ///
    /// The file keeps the last that fit.
    pub(crate) fingerprints: Vec<u64>,
}

impl LastWords {
    /// The state of a process that has just started.
    pub(crate) fn new(process: Process, heartbeat: SystemTime) -> Self {
        Self {
            process,
            heartbeat,
            memory: None,
            ended: Ended::Running,
            survived_panic: None,
            stopping_since: None,
            stalled_since: None,
            open: Vec::new(),
            open_left_out: 0,
            lines: Vec::new(),
            fingerprints: Vec::new(),
        }
    }
}

/// The process that wrote the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) started: SystemTime,
    /// The machine's id of its current boot, where the system has one.
    pub(crate) boot: Option<u128>,
    /// The name of the service.
    pub(crate) service: String,
    pub(crate) version: String,
    pub(crate) revision: String,
    pub(crate) instance: String,
}

/// The memory of the process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Memory {
    pub(crate) used: u64,
    pub(crate) limit: Option<u64>,
}

impl Memory {
    /// The used share of the limit in percent.
    pub(crate) fn percent(self) -> Option<u64> {
        let limit = self.limit.filter(|limit| *limit > 0)?;
        let percent = u128::from(self.used) * 100 / u128::from(limit);
        Some(u64::try_from(percent).unwrap_or(u64::MAX))
    }
}

/// How a process ended, as it said itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ended {
    /// The process runs, or was killed.
    Running,
    /// Telemetry was shut down.
    Clean {
        at: SystemTime,
    },
    /// The program returned an error from `main`.
    Failed(Panic),
    Panic(Panic),
}

/// A panic with its message, or an error with its text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Panic {
    pub(crate) at: SystemTime,
    pub(crate) message: String,
}

/// A request, an attempt of a job or a scheduled run that is open.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OpenRoot {
    pub(crate) trace_id: [u8; 16],
    pub(crate) name: String,
    pub(crate) started: SystemTime,
    /// The name of the deepest open span.
    pub(crate) deepest: String,
    /// When the deepest open span started.
    pub(crate) since: SystemTime,
}
