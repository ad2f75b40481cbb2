//! The state of the process, for its last words.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    metrics::ProcessMemory,
    readiness,
    recorder::{
        LineFilter, Lines, Recorder,
        last_words::{LastWords, Memory, OpenRoot, Process, Source, boot_id},
    },
    resource::Resource,
    runtime::RuntimeObserver,
};

/// The largest number of open roots in the file.
const OPEN_ROOTS: usize = 256;

/// The number of these roots whose detail is read.
///
/// It has the deepest open span, and not only the span that started last.
const WHOLE_ROOTS: usize = 32;

/// The largest number of log lines in the file.
const LINES: u64 = 200;

/// The largest size of these lines in bytes, which is the size of the file's area.
const LINE_BYTES: usize = 64 * 1024;

/// The time after which a runtime that runs no task is stalled.
///
/// It is longer than the delays of a busy runtime.
const STALLED_AFTER: Duration = Duration::from_secs(1);

/// Reads the state that the next process should know.
#[derive(Debug)]
pub(super) struct LastState {
    recorder: Recorder,
    runtime: Arc<RuntimeObserver>,
    memory: ProcessMemory,
}

impl LastState {
    pub(super) fn new(recorder: Recorder, runtime: Arc<RuntimeObserver>) -> Self {
        Self {
            recorder,
            runtime,
            memory: ProcessMemory::new(),
        }
    }
}

impl Source for LastState {
    fn learn(&self, previous: &LastWords) {
        self.recorder.errors().know(&previous.fingerprints);
    }

    fn snapshot(&self, into: &mut LastWords) {
        into.memory = self.memory.used().map(|used| Memory {
            used,
            limit: self.memory.limit(),
        });
        into.stopping_since = readiness::stopping_since();
        let stalled = self.runtime.stalled();
        into.stalled_since = (stalled >= STALLED_AFTER)
            .then(|| SystemTime::now().checked_sub(stalled))
            .flatten();
        into.lines = last_lines(self.recorder.lines());
        into.fingerprints = self.recorder.errors().fingerprints();
        let (open, left_out) = self.recorder.oldest(OPEN_ROOTS, WHOLE_ROOTS);
        into.open_left_out = left_out as u64;
        into.open = open
            .into_iter()
            .map(|root| {
                let started = time_of(root.started);
                let deepest = root.waits_in;
                OpenRoot {
                    trace_id: root.trace_id.to_bytes(),
                    name: root.name,
                    started,
                    since: deepest.as_ref().map_or(started, |span| time_of(span.since)),
                    deepest: deepest.map(|span| span.name).unwrap_or_default(),
                }
            })
            .collect();
    }
}

/// The last log lines of at most [`LINE_BYTES`], the newest last.
fn last_lines(lines: &Lines) -> Vec<Vec<u8>> {
    let there = lines.range();
    let first = there.end.saturating_sub(LINES).max(there.start);
    let mut cursor = lines.cursor(first);
    let (mut last, mut bytes) = (VecDeque::new(), 0);
    loop {
        let batch = lines.read_until(there.end, &mut cursor, &LineFilter::default());
        for line in batch.lines() {
            bytes += line.len();
            last.push_back(line.to_vec());
            while bytes > LINE_BYTES {
                bytes -= last.pop_front().map_or(bytes, |oldest| oldest.len());
            }
        }
        if batch.is_last {
            return last.into();
        }
    }
}

/// The time of a number of nanoseconds since the epoch.
fn time_of(nanos: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
}

/// This process, as its last words name it.
pub(super) fn process(resource: &Resource) -> Process {
    let attribute = |key| resource.get(key).unwrap_or_default().to_owned();
    Process {
        pid: std::process::id(),
        started: SystemTime::now(),
        boot: boot_id(),
        service: attribute("service.name"),
        version: attribute("service.version"),
        revision: attribute("vcs.ref.head.revision"),
        instance: attribute("service.instance.id"),
    }
}

#[cfg(test)]
mod tests {
    use allocation_counter::measure;
    use tracing::Level;

    use super::*;
    use crate::evidence::{EventSink as _, LineNote, LineTarget};

    #[test]
    fn last_lines_have_a_size() {
        let recorder = Recorder::new(64 * 1024 * 1024, None);
        let push = |text: &str| {
            recorder.line(&LineNote {
                level: Level::INFO,
                target: LineTarget::Static("orders"),
                trace_id: None,
                text: text.as_bytes(),
            });
        };
        for number in 0..300 {
            push(&format!("{number:>16384}"));
        }
        let mut last = Vec::new();
        let used = measure(|| last = last_lines(recorder.lines()));
        assert_eq!(last.len(), 4);
        assert!(last[3].ends_with(b" 299") && last[0].ends_with(b" 296"));
        assert!(used.bytes_max < 128 * 1024, "{}", used.bytes_max);
        (0..300).for_each(|_| push("short"));
        assert_eq!(last_lines(recorder.lines()).len(), 200);
    }
}
