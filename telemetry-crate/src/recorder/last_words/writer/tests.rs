#![expect(clippy::unwrap_used, reason = "tests")]

mod disk;

use std::{
    fs,
    path::Path,
    sync::{
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    thread::{sleep, spawn},
};

use super::{
    health::Health,
    rounds::{Disk, Writing},
    *,
};
use crate::recorder::last_words::{
    OpenError, codec,
    format::Beat,
    samples::{Folder, messages, opened, process},
};

fn in_a_minute() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Waits until `test` is true.
fn wait_until(test: impl Fn() -> bool) {
    let deadline = in_a_minute();
    while !test() {
        assert!(Instant::now() < deadline, "waited in vain");
        sleep(Duration::from_millis(5));
    }
}

struct Line(&'static str);

impl Source for Line {
    fn snapshot(&self, into: &mut LastWords) {
        into.lines.push(self.0.as_bytes().to_vec());
    }

    fn learn(&self, previous: &LastWords) {
        assert_eq!(previous.lines, [self.0.as_bytes()]);
    }
}

fn started(path: &Path, source: impl Source) -> Writer {
    Writer::start(path.to_owned(), process(), source).unwrap()
}

fn previous(path: &Path) -> LastWords {
    opened(path).previous.unwrap()
}

#[test]
fn clean_end_is_written_and_unlocks() {
    let folder = Folder::new("writer-clean");
    let path = folder.path("last");
    let writer = started(&path, Line("the last line"));
    assert!(writer.end(in_a_minute()));
    // The thread has ended, so a second end does not wait.
    wait_until(|| writer.shared.lock().is_over);
    assert!(!writer.end(in_a_minute()));
    let words = previous(&path);
    assert!(matches!(words.ended, Ended::Clean { .. }), "{words:?}");
    assert_eq!(words.lines, [b"the last line"]);
    assert_eq!(words.process, process());
}

#[test]
fn previous_words_are_read_and_logged() {
    let folder = Folder::new("writer-previous");
    let path = folder.path("last");
    let (dispatch, messages) = messages();
    for _ in 0..2 {
        let writer =
            dispatcher::with_default(&dispatch, || started(&path, Line("of the first process")));
        assert!(writer.end(in_a_minute()));
        wait_until(|| writer.shared.lock().is_over);
        let read = writer.previous().map(|previous| {
            assert!(previous.report.text.contains("of the first process"));
            previous.report.ended
        });
        let logged = messages.lock().unwrap().pop();
        match logged {
            None => assert_eq!(read, None),
            Some(logged) => {
                assert_eq!(read, Some("clean"));
                assert!(
                    logged.starts_with("the last process ended cleanly"),
                    "{logged}"
                );
            }
        }
    }
}

#[test]
fn unusable_file_is_logged_once() {
    let folder = Folder::new("writer-unusable");
    let (dispatch, messages) = messages();
    let path = folder.path("folder");
    fs::create_dir(&path).unwrap();
    let writer = dispatcher::with_default(&dispatch, || started(&path, Line("x")));
    assert!(!writer.panicked("lost", in_a_minute()));
    let why = writer.why_without_file().unwrap_or_default();
    assert!(why.contains("is a directory"), "{why}");
    // The count increases while there is no file.
    wait_until(|| writer.lost() >= LATE_ENOUGH);
    assert!(!writer.end(in_a_minute()));
    assert!(writer.lost() >= LATE_ENOUGH);
    let messages = messages.lock().unwrap();
    assert_eq!(messages.len(), 1);
    assert!(messages[0].contains("is a directory"), "{messages:?}");
}

/// Counts the snapshots.
struct Counting(Arc<AtomicUsize>);

impl Source for Counting {
    fn snapshot(&self, _: &mut LastWords) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[test]
fn each_250_ms_has_a_snapshot_or_a_loss() {
    let folder = Folder::new("writer-interval");
    let snapshots = Arc::new(AtomicUsize::new(0));
    let writer = started(&folder.path("last"), Counting(snapshots.clone()));
    wait_until(|| snapshots.load(Relaxed) > 0);
    let start = Instant::now();
    let before = snapshots.load(Relaxed);
    sleep(Duration::from_secs(2));
    let intervals = start.elapsed().as_millis() / 250;
    let written = snapshots.load(Relaxed) - before;
    // The snapshot that is due now may be neither written nor lost yet.
    let known = 1 + written as u64 + writer.lost();
    assert!(u128::from(known) >= intervals, "{written} of {intervals}");
    assert!(written > 0, "all are lost");
    assert!(writer.end(in_a_minute()));
}

#[test]
fn failed_programs_do_not_end_cleanly() {
    let folder = Folder::new("writer-failed");
    let path = folder.path("last");
    let writer = started(&path, Line("x"));
    writer.failed("no database");
    assert!(writer.end(in_a_minute()));
    let Ended::Failed(error) = previous(&path).ended else {
        unreachable!("the program has failed");
    };
    assert_eq!(error.message, "no database");
}

#[test]
fn file_is_used_once_it_can_be() {
    let folder = Folder::new("writer-later");
    let path = folder.path("last");
    let other = opened(&path).file;
    let (dispatch, messages) = messages();
    let writer = dispatcher::with_default(&dispatch, || started(&path, Line("x")));
    // The caller does not wait for the next attempt.
    assert!(!writer.panicked("in between", in_a_minute()));
    drop(other);
    wait_until(|| {
        let messages = messages.lock().unwrap();
        let last = messages.last();
        last.is_some_and(|last| last.ends_with("is used now"))
    });
    assert!(writer.end(in_a_minute()));
    wait_until(|| writer.shared.lock().is_over);
    let words = previous(&path);
    assert_eq!(words.survived_panic.unwrap().message, "in between");
    let messages = messages.lock().unwrap();
    assert!(
        messages[0].contains("is in use by another process"),
        "{messages:?}"
    );
}

#[test]
fn panic_is_written_then_survived() {
    let folder = Folder::new("writer-panic");
    let path = folder.path("last");
    let writer = started(&path, Line("x"));
    assert!(writer.panicked("index out of bounds", in_a_minute()));
    assert!(writer.end(in_a_minute()));
    wait_until(|| writer.shared.lock().is_over);
    let words = previous(&path);
    assert!(matches!(words.ended, Ended::Clean { .. }));
    assert_eq!(words.survived_panic.unwrap().message, "index out of bounds");
}

#[test]
fn end_while_unwinding_is_a_panic() {
    struct Guard(Writer);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.end(in_a_minute());
        }
    }
    let folder = Folder::new("writer-unwind");
    let path = folder.path("last");
    let writer = started(&path, Line("x"));
    let guard = Guard(writer.clone());
    let ended = spawn(move || {
        let guard = guard;
        guard.0.panicked("of main", in_a_minute());
        std::panic::resume_unwind(Box::new(()));
    });
    assert!(ended.join().is_err());
    wait_until(|| writer.shared.lock().is_over);
    let words = previous(&path);
    assert!(matches!(&words.ended, Ended::Panic(panic) if panic.message == "of main"));
    assert_eq!(words.survived_panic, None);
}

#[test]
fn snapshot_that_panics_does_not_end_it() {
    struct Panics;
    impl Source for Panics {
        fn snapshot(&self, into: &mut LastWords) {
            into.lines.push(b"before the panic".to_vec());
            std::panic::resume_unwind(Box::new(()));
        }
    }
    let folder = Folder::new("writer-source");
    let path = folder.path("last");
    let writer = started(&path, Panics);
    // The end is in the file, and the snapshot is counted as lost.
    writer.end(in_a_minute());
    wait_until(|| writer.shared.lock().is_over);
    assert!(writer.lost() > 0);
    let words = previous(&path);
    assert!(matches!(words.ended, Ended::Clean { .. }));
    assert_eq!(words.lines, [b"before the panic"]);
}

#[test]
fn removed_file_is_made_again() {
    let folder = Folder::new("writer-removed");
    let path = folder.path("last");
    let writer = started(&path, Line("x"));
    wait_until(|| path.exists());
    assert!(writer.panicked("first", in_a_minute()));
    fs::remove_file(&path).unwrap();
    assert!(writer.end(in_a_minute()));
    wait_until(|| writer.shared.lock().is_over);
    assert!(matches!(previous(&path).ended, Ended::Clean { .. }));
}

/// As on a busy machine, where the thread is not run when it should be.
#[test]
fn threads_that_wake_up_late_are_counted() {
    let shared = Arc::new(Shared::default());
    let writer = Writer {
        shared: shared.clone(),
    };
    let (dispatch, messages) = messages();
    let mut health = Health::new("/test".to_owned(), dispatch);
    let mut round = |due: Instant| {
        let round = shared.next_round(due);
        assert!(!shared.lock().is_hanging());
        // Also before the snapshot is written.
        let lost = writer.lost();
        let finished = shared.finish_round(round.number, true);
        assert!(!finished.is_disk_slow);
        health.round_finished(&finished, Ok(()));
        (lost, finished.lost)
    };
    let now = Instant::now();
    let Some(due) = now.checked_sub(5 * INTERVAL) else {
        return;
    };
    let (lost, finished) = round(due);
    assert!(lost >= 5 && finished >= lost, "{lost} {finished}");
    assert_eq!(writer.lost(), finished);
    // A request wakes the thread up before the snapshot is due.
    shared.lock().requested += 1;
    assert_eq!(round(in_a_minute()), (finished, 0));
    let messages = messages.lock().unwrap();
    assert!(messages[0].contains("runs late"), "{messages:?}");
    assert!(messages[1].contains("is written again"), "{messages:?}");
}

/// The number of late snapshots from which a slow disk is logged.
const LATE_ENOUGH: u64 = 4;

/// The source runs on the thread that a panic would wait for.
#[test]
fn thread_does_not_wait_for_itself() {
    struct Own(Arc<OnceLock<Writer>>, mpsc::Sender<bool>);
    impl Source for Own {
        fn snapshot(&self, _: &mut LastWords) {
            if let Some(writer) = self.0.get() {
                let _ = self.1.send(writer.panicked("own", in_a_minute()));
            }
        }
    }
    let folder = Folder::new("writer-own");
    let (send, sent) = mpsc::channel();
    let own = Arc::new(OnceLock::new());
    let writer = started(&folder.path("last"), Own(own.clone(), send));
    let _ = own.set(writer.clone());
    assert!(!sent.recv().unwrap());
    assert!(writer.end(in_a_minute()));
}
