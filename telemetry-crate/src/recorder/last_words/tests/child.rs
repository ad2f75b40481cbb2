//! The processes that the tests kill.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    fs, hint,
    path::Path,
    process::{self, abort},
    thread::sleep,
    time::{Duration, Instant, SystemTime},
};

use super::{LAST, PAYLOADS, ROLE, in_a_minute, numbered};
use crate::recorder::last_words::{
    LastWords, LastWordsFile, Memory, Process, boot_id, codec,
    format::{Beat, MAX_PAYLOAD},
    samples::{self, open_root},
    writer::{Source, Writer},
};

/// The child's part of the other tests.
///
/// In a folder without a role, it does nothing.
#[test]
fn child() {
    let Ok(role) = fs::read_to_string(ROLE) else {
        return;
    };
    let mut words = role.split(':');
    let role = words.next().unwrap();
    let path = Path::new(LAST);
    match role {
        "writes in a loop" => write_in_a_loop(path),
        "runs" => wait_for_the_end(&start(path, State::default())),
        "aborts" => {
            let writer = start(path, State::default());
            wait_for_a_round(&writer);
            abort();
        }
        "panics" => panic_and_abort(path),
        "stalls" => {
            let stalled_since = Some(SystemTime::now());
            let state = State {
                stalled_since,
                ..State::default()
            };
            wait_for_the_end(&start(path, state));
        }
        "fills its memory" => {
            let limit = words.next().unwrap().parse().unwrap();
            fill_memory(path, limit, words.next() == Some("enforced"));
        }
        "ends" => {
            let writer = start(path, State::default());
            assert!(writer.end(in_a_minute()));
        }
        "opens" => {
            let error = LastWordsFile::open(path).unwrap_err().to_string();
            fs::write(path.with_extension("error"), error).unwrap();
        }
        role => panic!("{role}"),
    }
}

/// What the child says about itself.
#[derive(Default)]
struct State {
    stalled_since: Option<SystemTime>,
    memory_limit: Option<u64>,
}

impl Source for State {
    fn snapshot(&self, into: &mut LastWords) {
        into.open.push(open_root(3));
        into.lines.push(b"the last line".to_vec());
        into.fingerprints.push(77);
        into.stalled_since = self.stalled_since;
        let used = self.memory_limit.and_then(|_| resident_memory());
        into.memory = used.map(|used| Memory {
            used,
            limit: self.memory_limit,
        });
    }
}

/// The resident memory in bytes, on Linux.
fn resident_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

fn start(path: &Path, state: State) -> Writer {
    let process = Process {
        pid: process::id(),
        boot: boot_id(),
        ..samples::process()
    };
    Writer::start(path.to_owned(), process, state).unwrap()
}

fn wait_for_the_end(_: &Writer) {
    sleep(Duration::from_secs(120));
}

/// Waits until the writer has written the state once.
fn wait_for_a_round(writer: &Writer) {
    assert!(writer.panicked("written", in_a_minute()));
}

/// Writes areas in a loop.
///
/// They are encoded before, so that most of the time is spent in writes.
fn write_in_a_loop(path: &Path) {
    let mut file = LastWordsFile::open(path).unwrap().file;
    let encoded = |number| {
        let mut payload = Vec::new();
        codec::encode(&numbered(number), MAX_PAYLOAD, &mut payload);
        payload
    };
    let payloads: Vec<_> = (0..PAYLOADS).map(encoded).collect();
    let deadline = in_a_minute();
    for (payload, number) in payloads.iter().cycle().zip(0..) {
        let beat = Beat {
            time: samples::at(number),
            memory: None,
        };
        file.write(beat, payload).unwrap();
        if Instant::now() > deadline {
            return;
        }
    }
}

fn panic_and_abort(path: &Path) {
    let writer = start(path, State::default());
    std::panic::set_hook(Box::new(move |info| {
        let message = info.payload().downcast_ref::<&str>().unwrap();
        assert!(writer.panicked(message, in_a_minute()));
        abort();
    }));
    panic!("index out of bounds");
}

/// Takes memory until the kernel kills the process.
///
/// Without a limit of the kernel, it waits near the limit.
fn fill_memory(path: &Path, limit: u64, is_enforced: bool) {
    let memory_limit = Some(limit);
    let writer = start(
        path,
        State {
            memory_limit,
            ..State::default()
        },
    );
    let mut taken = Vec::new();
    // A limit that the kernel does not enforce must not take the machine's memory.
    let most = if is_enforced {
        limit * 2
    } else {
        limit / 100 * 97
    };
    while resident_memory().unwrap() < most {
        taken.push(hint::black_box(vec![1_u8; 256 * 1024]));
        // Slower near the limit, so that the last snapshot is near it.
        let is_near = resident_memory().unwrap() > limit / 100 * 92;
        sleep(Duration::from_millis(if is_near { 100 } else { 1 }));
    }
    wait_for_a_round(&writer);
    wait_for_the_end(&writer);
}
