//! Where lines go: a bounded buffer, and a thread that empties it into standard output.
//!
//! Writing a line never blocks on the pipe behind standard output. A log collector that stops reading costs lines,
//! which are counted, and never requests. A closed pipe is survived the same way. One buffer is filled while the other
//! is written, so a line costs no allocation and a burst of lines one system call.
//!
//! An `ERROR` may be the last thing that a process says, so its thread waits until the line is out: briefly, and only once
//! while the pipe stands still (the book's decision 6).

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

use crate::InitError;

/// What may wait for a slow reader: seconds of a busy service's lines, and no more memory than that.
const BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// Delay before a write, to batch lines. One system call for each line would cost more than everything else about it.
const BATCH_DELAY: Duration = Duration::from_millis(5);

/// How long an urgent line waits to be written. A thread that is woken up to write needs some 50 microseconds; on a machine
/// with much more work than processors it may not run for some hundred milliseconds.
const URGENT_TIMEOUT: Duration = Duration::from_millis(500);

/// Bytes from which on a write is not delayed.
const FLUSH_THRESHOLD: usize = 64 * 1024;

const THREAD: &str = "firstlight-logs";

/// A handle on the buffer; clones share it.
#[derive(Clone)]
pub(crate) struct LogWriter(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// There is something to write.
    filled: Condvar,
    /// Something was written.
    emptied: Condvar,
    dropped: AtomicU64,
}

#[derive(Default)]
struct State {
    buffer: Vec<u8>,
    /// Lines in the buffer.
    waiting: u64,
    /// A flush waits for what is in the buffer, or there is enough of it.
    hurry: bool,
    /// Lines taken, and lines done with, since the start.
    accepted: u64,
    done: u64,
    /// There is a thread that writes.
    is_started: bool,
    /// An urgent line has waited in vain, and nothing was written since.
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
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared {
            state: Mutex::default(),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            dropped: AtomicU64::new(0),
        }))
    }

    /// Starts the thread that writes; it lives as long as the process, so that an event after the shutdown still
    /// comes out.
    pub(crate) fn start(&self, sink: impl Write + Send + 'static) -> Result<(), InitError> {
        let writer = self.clone();
        thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn(move || writer.run(sink))
            .map_err(|source| InitError::Thread {
                name: THREAD,
                source,
            })?;
        self.lock().is_started = true;
        Ok(())
    }

    /// Takes one complete line, or drops and counts it if the buffer is full. An urgent one does not linger, and is written
    /// when this returns, unless nothing can be written.
    pub(crate) fn write(&self, line: &[u8], urgent: bool) {
        let mut state = self.lock();
        if state.buffer.len() + line.len() > BUFFER_BYTES {
            drop(state);
            return self.lost_one();
        }
        let hurry = !state.hurry && (urgent || state.buffer.len() > FLUSH_THRESHOLD);
        state.hurry |= hurry;
        let wake = hurry || state.buffer.is_empty();
        state.buffer.extend_from_slice(line);
        state.waiting += 1;
        state.accepted += 1;
        if wake {
            self.0.filled.notify_one();
        }
        if urgent && state.is_started {
            self.wait_for_last_words(state);
        }
    }

    /// Until what was taken is done with. A thread that has waited in vain keeps all others from waiting.
    fn wait_for_last_words(&self, mut state: MutexGuard<'_, State>) {
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

    /// What waits to be written: of a writer that was never started, everything that fits.
    #[cfg(feature = "testing")]
    pub(crate) fn waiting(&self) -> Vec<u8> {
        self.lock().buffer.clone()
    }

    pub(crate) fn lost_one(&self) {
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Lines lost since the start.
    pub(crate) fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Whether a thread has waited in vain, and nothing has been written since.
    pub(crate) fn is_stalled(&self) -> bool {
        self.lock().is_stalled
    }

    /// Waits until every line that was taken before this call is written or lost; the number of those that are neither
    /// when the deadline comes.
    pub(crate) fn flush(&self, deadline: Instant) -> u64 {
        let mut state = self.lock();
        let target = state.accepted;
        state.hurry = true;
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

    /// Why lines were lost last.
    pub(crate) fn last_error(&self) -> String {
        let error = self.lock().last_error.clone();
        error.unwrap_or_else(|| "standard output took no more".to_owned())
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
            // Wakes up for many lines rather than for each; `hurry` ends it early.
            let lingered = self
                .0
                .filled
                .wait_timeout_while(state, BATCH_DELAY, |state| !state.hurry);
            state = lingered.unwrap_or_else(PoisonError::into_inner).0;
            state.hurry = false;
            std::mem::swap(&mut state.buffer, &mut chunk);
            let lines = std::mem::take(&mut state.waiting);
            drop(state);

            let result = write_all(&mut sink, &chunk);
            chunk.clear();
            // A burst's memory is given back.
            chunk.shrink_to(FLUSH_THRESHOLD);

            let mut state = self.lock();
            state.done += lines;
            state.is_stalled = false;
            if let Err(error) = result {
                // How much of the chunk went out is unknown; it is counted as lost.
                self.0.dropped.fetch_add(lines, Ordering::Relaxed);
                state.last_error = Some(format!("standard output: {error}"));
            }
            drop(state);
            self.0.emptied.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Like `Write::write_all`, but patient with a non-blocking pipe that is full, which `write_all` gives up on.
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
        let (writer, sink) = (LogWriter::new(), Sink::default());
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
    fn stopped_readers_cost_only_lines() {
        let writer = LogWriter::new(); // never started: the slowest reader there is
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
    fn urgent_lines_are_out_when_taken() {
        let (writer, sink) = (LogWriter::new(), Sink::default());
        writer.start(sink.clone()).unwrap();
        let is_out = |n: &u32| {
            let line = format!("{n}\n");
            writer.write(line.as_bytes(), true);
            sink.0.lock().unwrap().ends_with(line.as_bytes())
        };
        // Not all, for a machine that does not run the writer's thread for longer than a line may wait.
        assert!((0..1_000).filter(is_out).count() > 900);
    }

    #[test]
    fn one_urgent_line_waits_per_stall() {
        let (writer, gate) = (LogWriter::new(), Gate::default());
        writer.start(gate.clone()).unwrap();
        let start = Instant::now();
        for _ in 0..2 {
            gate.set_open(false);
            // Had each of them waited, this would be an hour.
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
    fn a_closed_pipe_is_survived_and_counted() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let writer = LogWriter::new();
        writer.start(Closed).unwrap();
        for _ in 0..3 {
            writer.write(b"line\n", false);
            assert_eq!(writer.flush(in_a_minute()), 0);
        }
        assert_eq!(writer.dropped(), 3);
    }
}
