//! Last words for tests.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread::sleep,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tracing::{
    Dispatch, Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt as _},
};

use super::{
    Ended, LastWords, LastWordsFile, Memory, OpenError, OpenRoot, Panic, Process, file::Opened,
};

/// A time in seconds after a fixed one.
pub(super) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

pub(super) fn process() -> Process {
    Process {
        pid: 7,
        started: at(0),
        boot: Some(42),
        service: "orders".to_owned(),
        version: "1.2.3".to_owned(),
        revision: "abc1234".to_owned(),
        instance: "orders-0".to_owned(),
    }
}

pub(super) fn open_root(number: u64) -> OpenRoot {
    OpenRoot {
        trace_id: u128::from(number).to_be_bytes(),
        name: format!("GET /orders/{number}"),
        started: at(number),
        deepest: "SELECT orders".to_owned(),
        since: at(number + 1),
    }
}

/// Last words with a value in each field.
pub(super) fn full() -> LastWords {
    LastWords {
        process: process(),
        heartbeat: at(100),
        memory: Some(Memory {
            used: 97,
            limit: Some(100),
        }),
        ended: Ended::Panic(Panic {
            at: at(99),
            message: "index out of bounds".to_owned(),
        }),
        survived_panic: Some(Panic {
            at: at(50),
            message: "the first".to_owned(),
        }),
        stopping_since: Some(at(90)),
        stalled_since: Some(at(95)),
        open: (1..4).map(open_root).collect(),
        open_left_out: 2,
        lines: (0..5)
            .map(|number| format!("{{\"message\":\"line {number}\"}}").into_bytes())
            .collect(),
        fingerprints: vec![1, u64::MAX, 3],
    }
}

/// A generator of pseudo-random numbers with a fixed seed (SplitMix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// A folder that is removed at the end of a test.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> Self {
        let folder = format!("firstlight-last-words-{}-{name}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A subscriber that keeps the message of each event.
pub(super) fn messages() -> (Dispatch, Arc<Mutex<Vec<String>>>) {
    let messages = Messages::default();
    let kept = messages.0.clone();
    (Dispatch::new(Registry::default().with(messages)), kept)
}

#[derive(Default)]
struct Messages(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Messages {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        struct Message(String);
        impl Visit for Message {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        self.0.lock().unwrap().push(message.0);
    }
}

/// Opens the file of a process that has ended.
///
/// A process that another test starts holds the lock as well, until it executes its program.
pub(super) fn opened(path: &Path) -> Opened {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match LastWordsFile::open(path) {
            Err(OpenError::Locked { .. }) if Instant::now() < deadline => {
                sleep(Duration::from_millis(5));
            }
            opened => return opened.unwrap(),
        }
    }
}
