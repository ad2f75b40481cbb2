//! A disk that fails or hangs.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    thread::spawn,
    time::Instant,
};

use super::*;

/// A disk that fails or hangs as the test says.
#[derive(Clone, Default)]
struct TestDisk {
    writes: Arc<AtomicUsize>,
    beats: Arc<AtomicUsize>,
    fails: Arc<AtomicBool>,
    newest: Arc<Mutex<Vec<u8>>>,
    gate: Arc<Mutex<Option<mpsc::Receiver<()>>>>,
}

impl TestDisk {
    fn access(&self, count: &AtomicUsize) -> io::Result<()> {
        count.fetch_add(1, Relaxed);
        if let Some(gate) = self.gate.lock().unwrap().take() {
            let _ = gate.recv();
        }
        if self.fails.load(Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn start(&self, source: impl Source, dispatch: tracing::Dispatch) -> Writer {
        let writer = Writer {
            shared: Arc::default(),
        };
        let (shared, disk) = (writer.shared.clone(), self.clone());
        spawn(move || {
            let health = Health::new("/test".to_owned(), dispatch);
            Writing::new(&shared, disk, process(), source, health).run();
        });
        writer
    }
}

impl Disk for TestDisk {
    fn write(&mut self, _: Beat, payload: &[u8]) -> io::Result<()> {
        self.access(&self.writes)?;
        *self.newest.lock().unwrap() = payload.to_vec();
        Ok(())
    }

    fn beat(&mut self, _: Beat) -> io::Result<()> {
        self.access(&self.beats)
    }

    fn is_in_place(&self) -> bool {
        true
    }

    fn reopen(&mut self) -> Result<(), OpenError> {
        Ok(())
    }
}

#[test]
fn unchanged_state_is_only_a_heartbeat() {
    let disk = TestDisk::default();
    let writer = disk.start(Line("x"), messages().0);
    wait_until(|| disk.beats.load(Relaxed) >= 3);
    assert_eq!(disk.writes.load(Relaxed), 1);
    assert!(writer.end(in_a_minute()));
    assert_eq!(disk.writes.load(Relaxed), 2);
}

#[test]
fn failures_are_counted_and_logged_once() {
    let disk = TestDisk::default();
    let (dispatch, messages) = messages();
    disk.fails.store(true, Relaxed);
    let writer = disk.start(Line("x"), dispatch);
    wait_until(|| writer.lost() >= 3);
    assert!(!writer.panicked("not written", in_a_minute()));
    assert_eq!(messages.lock().unwrap().len(), 1);
    disk.fails.store(false, Relaxed);
    wait_until(|| messages.lock().unwrap().len() == 2);
    let lost = writer.lost();
    assert!(writer.end(in_a_minute()));
    assert_eq!(writer.lost(), lost);
    let messages = messages.lock().unwrap();
    assert!(
        messages[0].contains("is not written in time"),
        "{messages:?}"
    );
    assert!(messages[1].contains("is written again"), "{messages:?}");
    // The panic that was not written is not forgotten.
    let words = codec::decode(&disk.newest.lock().unwrap()).unwrap();
    assert_eq!(words.survived_panic.unwrap().message, "not written");
}

#[test]
fn hanging_disk_makes_no_caller_wait() {
    let disk = TestDisk::default();
    let (open_gate, gate) = mpsc::channel();
    *disk.gate.lock().unwrap() = Some(gate);
    let (dispatch, messages) = messages();
    let writer = disk.start(Line("x"), dispatch);
    wait_until(|| disk.writes.load(Relaxed) == 1);
    // The count increases while the write hangs.
    wait_until(|| writer.lost() >= LATE_ENOUGH);
    let deadline = in_a_minute();
    assert!(!writer.panicked("late", deadline));
    assert!(!writer.end(deadline));
    assert!(Instant::now() < deadline);
    drop(open_gate);
    wait_until(|| messages.lock().unwrap().len() == 2);
    assert!(messages.lock().unwrap()[0].contains("the disk is slow"));
    assert!(writer.lost() >= LATE_ENOUGH);
    let words = codec::decode(&disk.newest.lock().unwrap()).unwrap();
    assert!(matches!(words.ended, Ended::Clean { .. }));
}
