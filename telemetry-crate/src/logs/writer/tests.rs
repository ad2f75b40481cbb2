//! Tests of the writer with outputs that block, fail or end.

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
