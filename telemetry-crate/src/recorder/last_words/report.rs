//! What the last words say, for the operator.
//!
//! A report is one sentence, one structured event, and a text for a terminal.

#[cfg(test)]
mod tests;
mod text;

use std::time::{Duration, SystemTime};

use super::{Ended, LastWords, Memory, Panic};
use crate::values::prefix;

/// Maximum length of the text in bytes.
pub(super) const MAX_TEXT: usize = 16 * 1024;

/// Maximum length of the event's open roots and of its log lines, in bytes each.
///
/// With the other fields, a log line has both within its 16 KiB, also after the lines' quotation marks are escaped.
const MAX_OPEN_FIELD: usize = 2 * 1024;
const MAX_LINES_FIELD: usize = 4 * 1024;

/// The percentage of the memory's limit from which the OOM killer is probable.
const OUT_OF_MEMORY: u64 = 90;

/// How the last process ended, as the operator reads it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Report {
    /// `clean`, `failed`, `panic` or `killed`.
    pub(crate) ended: &'static str,
    /// One sentence.
    pub(crate) summary: String,
    /// At most 16 KiB: how the process ended, what was open, and the last lines.
    pub(crate) text: String,
    event: Event,
}

/// The fields of the event.
#[derive(Debug, Clone, PartialEq)]
struct Event {
    version: String,
    revision: String,
    instance: String,
    pid: u32,
    started: String,
    heartbeat: String,
    memory_used: Option<u64>,
    memory_limit: Option<u64>,
    stalled_since: Option<String>,
    open_count: u64,
    open: String,
    lines: String,
}

impl Report {
    /// Reports on the process before this one, which started at `start`.
    ///
    /// `boot` is the machine's id of its current boot.
    pub(crate) fn new(words: &LastWords, start: SystemTime, boot: Option<u128>) -> Self {
        let ended = match words.ended {
            Ended::Running => "killed",
            Ended::Clean { .. } => "clean",
            Ended::Failed(_) => "failed",
            Ended::Panic(_) => "panic",
        };
        let findings = findings(words, boot);
        let mut summary = format!("the last process {}", how(words, start));
        for finding in &findings {
            summary += "; ";
            summary += finding;
        }
        let process = &words.process;
        let open_count = words.open_left_out.saturating_add(words.open.len() as u64);
        Self {
            ended,
            text: text::text(words, &summary),
            event: Event {
                version: process.version.clone(),
                revision: process.revision.clone(),
                instance: process.instance.clone(),
                pid: process.pid,
                started: rfc3339(process.started),
                heartbeat: rfc3339(words.heartbeat),
                memory_used: words.memory.map(|memory| memory.used),
                memory_limit: words.memory.and_then(|memory| memory.limit),
                stalled_since: words.stalled_since.map(rfc3339),
                open_count,
                open: text::open(words, MAX_OPEN_FIELD),
                lines: text::lines(words, MAX_LINES_FIELD),
            },
            summary,
        }
    }

    /// Logs the report as one event: information after a clean end, else a warning.
    ///
    /// No log filter disables the warning, because the reason why a process ended must be visible.
    pub(crate) fn log(&self) {
        let Event {
            version,
            revision,
            instance,
            pid,
            started,
            heartbeat,
            memory_used,
            memory_limit,
            stalled_since,
            open_count,
            open,
            lines,
        } = &self.event;
        macro_rules! log {
            ($level:ident, $target:expr) => {
                tracing::$level!(
                    target: $target,
                    {
                        previous.ended = self.ended,
                        previous.version = version,
                        previous.revision = revision,
                        previous.instance = instance,
                        previous.pid = pid,
                        previous.started = started,
                        previous.heartbeat = heartbeat,
                        previous.memory_used = memory_used,
                        previous.memory_limit = memory_limit,
                        previous.stalled_since = stalled_since,
                        previous.open_count = open_count,
                        previous.open = open,
                        previous.lines = lines,
                    },
                    "{}",
                    self.summary
                )
            };
        }
        if self.ended == "clean" {
            log!(info, module_path!());
        } else {
            log!(warn, "firstlight::end");
        }
    }
}

/// How the process ended, after its name.
fn how(words: &LastWords, start: SystemTime) -> String {
    match &words.ended {
        Ended::Clean { at } => format!("ended cleanly {}", before(*at, start)),
        Ended::Failed(Panic { at, message }) => {
            let error = text::printable(prefix(message, 1024));
            format!("failed {}: {error}", before(*at, start))
        }
        Ended::Panic(Panic { at, message }) => {
            let message = text::printable(prefix(message, 1024));
            format!("ended in a panic {}: {message}", before(*at, start))
        }
        Ended::Running => format!(
            "did not shut down: its last heartbeat was {}",
            before(words.heartbeat, start)
        ),
    }
}

/// What explains the end.
fn findings(words: &LastWords, boot: Option<u128>) -> Vec<String> {
    let mut findings = Vec::new();
    let is_killed = words.ended == Ended::Running;
    let heartbeat = words.heartbeat;
    let is_rebooted = boot.is_some() && words.process.boot.is_some() && boot != words.process.boot;
    if is_killed && is_rebooted {
        findings.push("the machine has restarted since".to_owned());
    }
    if let Some(percent) = words.memory.and_then(Memory::percent) {
        let is_out = is_killed && percent >= OUT_OF_MEMORY;
        let killer = if is_out {
            ": probably the OOM killer"
        } else {
            ""
        };
        findings.push(format!("memory was at {percent} % of its limit{killer}"));
    }
    if let Some(since) = words.stalled_since {
        let lasted = seconds_between(since, heartbeat);
        let since = rfc3339(since);
        findings.push(format!(
            "its runtime had stalled since {since}, for {lasted}"
        ));
    }
    if let Some(since) = words.stopping_since.filter(|_| is_killed) {
        let lasted = seconds_between(since, heartbeat);
        // A stalled runtime does not stop, however long it has.
        let advice = match words.stalled_since {
            Some(_) => "",
            None => ", so its grace period was probably too short",
        };
        findings.push(format!(
            "it had been told to stop {lasted} before its last heartbeat{advice}"
        ));
    }
    if let Some(Panic { at, message }) = &words.survived_panic {
        let message = text::printable(prefix(message, 256));
        let passed = seconds_between(*at, heartbeat);
        findings.push(format!(
            "it survived a panic {passed} before its last heartbeat: {message}"
        ));
    }
    findings
}

/// The time of an event before the start of this process.
fn before(at: SystemTime, start: SystemTime) -> String {
    if at > start {
        return "after this start, so the clock was set back".to_owned();
    }
    format!("{} before this start", seconds_between(at, start))
}

/// The seconds between two times, 0 if they are in the wrong order.
fn seconds_between(from: SystemTime, to: SystemTime) -> String {
    let passed = to.duration_since(from).unwrap_or(Duration::ZERO);
    format!("{:.1} s", passed.as_secs_f64())
}

/// A time in UTC with milliseconds.
fn rfc3339(time: SystemTime) -> String {
    match jiff::Timestamp::try_from(time) {
        Ok(time) => format!("{time:.3}"),
        Err(_) => "an unknown time".to_owned(),
    }
}
