//! The writer of log lines: a bounded buffer and a writing thread.
//!
//! If the log collector stops reading, or the pipe at its output is closed, lines are dropped and counted, and
//! requests are not delayed. One buffer is filled while the other is written. So a line needs no allocation, and a burst of
//! lines needs only one system call.
//!
//! Only an `ERROR` line waits for the pipe, because it may be the last one before a crash. The wait is short, and after a
//! wait has timed out, no other line waits until something is written. The reasons are in
//! `docs/book/src/adr/0006-errors-wait-until-written.md`.

#[cfg(test)]
mod tests;

use std::{
    fmt, io,
    io::Write,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{InitError, LogOutput};

/// Maximum number of bytes that wait for a slow reader.
///
/// A busy service fills the buffer in a few seconds.
const BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// Delay before a write, to batch lines.
///
/// One system call per line would cost more than formatting the line.
const BATCH_DELAY: Duration = Duration::from_millis(5);

/// Longest wait for an urgent line to be written.
///
/// The writer's thread needs some 50 microseconds to wake up and write. On an overloaded machine it may not run for some
/// hundred milliseconds.
const URGENT_TIMEOUT: Duration = Duration::from_millis(500);

/// Bytes in the buffer above which a write is not delayed.
const FLUSH_THRESHOLD: usize = 64 * 1024;

/// The name of the writing thread.
const THREAD_NAME: &str = "firstlight-logs";

/// A handle to the buffer. Clones share it.
#[derive(Clone)]
pub(crate) struct LogWriter(Arc<Shared>);

struct Shared {
    output: LogOutput,
    state: Mutex<State>,
    /// Notified when the writing thread has work.
    filled: Condvar,
    /// Notified when lines were written or lost.
    emptied: Condvar,
    dropped: AtomicU64,
}

#[derive(Default)]
struct State {
    buffer: Vec<u8>,
    /// The number of lines in the buffer.
    buffered: u64,
    /// Whether to write without a delay.
    ///
    /// Set by a flush, an urgent line, or a large buffer.
    flush_now: bool,
    /// Lines accepted since the start.
    accepted: u64,
    /// Lines written or lost since the start.
    done: u64,
    /// Whether the writing thread runs.
    is_started: bool,
    /// Whether an urgent line has timed out, and nothing was written since.
    is_stalled: bool,
    last_error: Option<String>,
}

impl fmt::Debug for LogWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogWriter")
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}

impl LogWriter {
    /// Creates the buffer of lines for `output`.
    ///
    /// The output is only named in errors. [`start`](Self::start) takes its stream.
    pub(crate) fn new(output: LogOutput) -> Self {
        Self(Arc::new(Shared {
            output,
            state: Mutex::default(),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            dropped: AtomicU64::new(0),
        }))
    }

    /// Starts the writing thread.
    ///
    /// The thread runs until the process ends, so that events after the shutdown are also written.
    pub(crate) fn start(&self, sink: impl Write + Send + 'static) -> Result<(), InitError> {
        let writer = self.clone();
        thread::Builder::new()
            .name(THREAD_NAME.to_owned())
            .spawn(move || writer.run(sink))
            .map_err(|reason| InitError::Thread {
                name: THREAD_NAME,
                reason,
            })?;
        self.lock().is_started = true;
        Ok(())
    }

    /// Accepts one complete line, or drops and counts it if the buffer is full.
    ///
    /// An urgent line is written without a delay, and the call returns when it is written, or after [`URGENT_TIMEOUT`].
    pub(crate) fn write(&self, line: &[u8], urgent: bool) {
        self.write_and_report(line, urgent, || {});
    }

    /// Like [`write`](Self::write), and calls `report` in the order of all lines.
    pub(crate) fn write_and_report(&self, line: &[u8], urgent: bool, report: impl FnOnce()) {
        let mut state = self.lock();
        report();
        if state.buffer.len() + line.len() > BUFFER_BYTES {
            drop(state);
            return self.count_dropped();
        }
        let flush_now = !state.flush_now && (urgent || state.buffer.len() > FLUSH_THRESHOLD);
        state.flush_now |= flush_now;
        let wake = flush_now || state.buffer.is_empty();
        state.buffer.extend_from_slice(line);
        state.buffered += 1;
        state.accepted += 1;
        if wake {
            self.0.filled.notify_one();
        }
        if urgent && state.is_started {
            self.wait_until_written(state);
        }
    }

    /// Waits until all accepted lines are written or lost.
    ///
    /// After one thread has timed out, no other thread waits until something is written.
    fn wait_until_written(&self, mut state: MutexGuard<'_, State>) {
        let target = state.accepted;
        let deadline = Instant::now() + URGENT_TIMEOUT;
        while state.done < target && !state.is_stalled {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.is_stalled = true;
                self.0.emptied.notify_all();
                return;
            }
            let waited = self.0.emptied.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The lines in the buffer.
    ///
    /// If the writer was never started, these are all accepted lines.
    #[cfg(feature = "testing")]
    pub(crate) fn waiting(&self) -> Vec<u8> {
        self.lock().buffer.clone()
    }

    fn count_dropped(&self) {
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Lines dropped or lost since the start.
    pub(crate) fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Whether an urgent line has timed out, and nothing was written since.
    pub(crate) fn is_stalled(&self) -> bool {
        self.lock().is_stalled
    }

    /// Waits until all lines that were accepted before this call are written or lost.
    ///
    /// Returns the number of lines that are neither written nor lost at the deadline.
    pub(crate) fn flush(&self, deadline: Instant) -> u64 {
        let mut state = self.lock();
        let target = state.accepted;
        state.flush_now = true;
        self.0.filled.notify_one();
        while state.done < target {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return target - state.done;
            }
            let waited = self.0.emptied.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        0
    }

    pub(crate) fn output(&self) -> LogOutput {
        self.0.output
    }

    /// The last reason why lines were lost.
    pub(crate) fn last_error(&self) -> String {
        let error = self.lock().last_error.clone();
        error.unwrap_or_else(|| format!("{} accepts no more data", self.0.output))
    }

    fn run(self, mut sink: impl Write) {
        let mut chunk = Vec::new();
        loop {
            let mut state = self.lock();
            while state.buffer.is_empty() {
                state = self
                    .0
                    .filled
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            // Collects more lines into one write, unless `flush_now` ends the delay.
            let delayed = self
                .0
                .filled
                .wait_timeout_while(state, BATCH_DELAY, |state| !state.flush_now);
            state = delayed.unwrap_or_else(PoisonError::into_inner).0;
            state.flush_now = false;
            std::mem::swap(&mut state.buffer, &mut chunk);
            let lines = std::mem::take(&mut state.buffered);
            drop(state);

            let result = write_all(&mut sink, &chunk);
            chunk.clear();
            // Frees the memory of a burst.
            chunk.shrink_to(FLUSH_THRESHOLD);

            let mut state = self.lock();
            state.done += lines;
            state.is_stalled = false;
            if let Err(error) = result {
                // It is unknown how much of the chunk was written, so all of it counts as lost.
                self.0.dropped.fetch_add(lines, Ordering::Relaxed);
                state.last_error = Some(format!("{}: {error}", self.0.output));
            }
            drop(state);
            self.0.emptied.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Like `Write::write_all`, but retries on a full non-blocking pipe.
fn write_all(sink: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match sink.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(5))
            }
            Err(error) => return Err(error),
        }
    }
    sink.flush()
}
