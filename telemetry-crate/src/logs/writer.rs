//! The writer of log lines: a bounded buffer and a writing thread.
//!
//! If the log collector stops reading, or the pipe at its output is closed, lines are dropped and counted, and
//! requests are not delayed. One buffer is filled while the other is written. So a line needs no allocation, and a burst of
//! lines needs only one system call.
//!
//! Only an `ERROR` line waits for the pipe, because it may be the last one before a crash. The wait is short, and after a
//! wait has timed out, no other line waits until something is written. The reasons are in
//! `docs/book/src/adr/0006-errors-wait-until-written.md`.

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
    /// A writer of lines for `output`, which is only named here; [`start`](Self::start) takes the stream.
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn in_a_minute() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn concurrent_lines_arrive_whole() {
        let (writer, sink) = (LogWriter::new(LogOutput::Stdout), Sink::default());
        writer.start(sink.clone()).unwrap();
        thread::scope(|scope| {
            for id in 0..8 {
                let writer = &writer;
                scope.spawn(move || {
                    (0..1_000).for_each(|n| writer.write(format!("{id}:{n}\n").as_bytes(), false))
                });
            }
        });
        assert_eq!(writer.flush(in_a_minute()), 0);
        let written = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        let mut lines: Vec<&str> = written.lines().collect();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), 8_000);
        assert_eq!(writer.dropped(), 0);
    }

    #[test]
    fn lines_beyond_the_buffer_are_counted() {
        // Never started, which is like a reader that has stopped.
        let writer = LogWriter::new(LogOutput::Stdout);
        let line = vec![b'x'; 1024];
        for _ in 0..BUFFER_BYTES / 1024 + 10 {
            writer.write(&line, false);
        }
        assert_eq!(writer.dropped(), 10);
        assert_eq!(writer.flush(Instant::now()), BUFFER_BYTES as u64 / 1024);
    }

    /// A pipe whose reader can be stopped.
    #[derive(Clone, Default)]
    struct Gate(Arc<(Mutex<bool>, Condvar)>);

    impl Gate {
        fn set_open(&self, is_open: bool) {
            *self.0.0.lock().unwrap() = is_open;
            self.0.1.notify_all();
        }
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let is_open = self.0.0.lock().unwrap();
            drop(self.0.1.wait_while(is_open, |is_open| !*is_open).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn urgent_lines_are_written_on_return() {
        let (writer, sink) = (LogWriter::new(LogOutput::Stdout), Sink::default());
        writer.start(sink.clone()).unwrap();
        let is_written = |n: &u32| {
            let line = format!("{n}\n");
            writer.write(line.as_bytes(), true);
            sink.0.lock().unwrap().ends_with(line.as_bytes())
        };
        // An overloaded machine may not run the writer's thread within the timeout, so a few may be late.
        assert!((0..1_000).filter(is_written).count() > 900);
    }

    #[test]
    fn one_urgent_line_waits_per_stall() {
        let (writer, gate) = (LogWriter::new(LogOutput::Stdout), Gate::default());
        writer.start(gate.clone()).unwrap();
        let start = Instant::now();
        for _ in 0..2 {
            gate.set_open(false);
            // If each line waited, this would take hours.
            for _ in 0..20_000 {
                writer.write(b"line\n", true);
            }
            assert!(writer.lock().is_stalled);
            gate.set_open(true);
            assert_eq!(writer.flush(in_a_minute()), 0);
            assert!(!writer.lock().is_stalled);
        }
        assert!(start.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn lines_to_a_closed_pipe_are_counted() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let writer = LogWriter::new(LogOutput::Stdout);
        writer.start(Closed).unwrap();
        for _ in 0..3 {
            writer.write(b"line\n", false);
            assert_eq!(writer.flush(in_a_minute()), 0);
        }
        assert_eq!(writer.dropped(), 3);
    }
}
