//! The loop of the thread, which writes one snapshot in each round.
//!
//! A snapshot is a whole area, or only a heartbeat if nothing else has changed.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
    thread,
    time::{Instant, SystemTime},
};

use tracing::{Dispatch, dispatcher};

use super::{
    INTERVAL, Previous, Round, Shared, Source,
    health::{Health, REOPEN_INTERVAL},
};
use crate::{
    export::LOSS_TARGET,
    recorder::last_words::{
        Ended, LastWords, LastWordsFile, OpenError, Panic, Process, Report, boot_id, codec,
        format::{Beat, MAX_PAYLOAD},
    },
};

const THREAD: &str = "firstlight-recorder";

/// The file, or a slow or failing one in tests.
pub(super) trait Disk {
    fn write(&mut self, beat: Beat, payload: &[u8]) -> io::Result<()>;
    fn beat(&mut self, beat: Beat) -> io::Result<()>;
    fn is_in_place(&self) -> bool;
    /// Makes a new file at the path.
    fn reopen(&mut self) -> Result<(), OpenError>;
}

impl Disk for LastWordsFile {
    fn write(&mut self, beat: Beat, payload: &[u8]) -> io::Result<()> {
        self.write(beat, payload)
    }

    fn beat(&mut self, beat: Beat) -> io::Result<()> {
        self.beat(beat)
    }

    fn is_in_place(&self) -> bool {
        self.is_in_place()
    }

    fn reopen(&mut self) -> Result<(), OpenError> {
        *self = Self::open(self.path())?.file;
        Ok(())
    }
}

/// Starts the thread.
pub(super) fn spawn(
    shared: Arc<Shared>,
    path: PathBuf,
    process: Process,
    source: impl Source,
    dispatch: Dispatch,
) -> io::Result<()> {
    let start = SystemTime::now();
    let run = move || {
        let _over = Over(&shared);
        if let Some(file) = open_at_last(&path, start, &shared, &source, &dispatch) {
            let health = Health::new(path.display().to_string(), dispatch);
            Writing::new(&shared, file, process, source, health).run();
        }
    };
    thread::Builder::new()
        .name(THREAD.to_owned())
        .spawn(run)
        .map(drop)
}

/// Opens the file as soon as it can be used.
///
/// Returns `None` if the process ends before. The process that has the file locked may be the one that this one
/// replaces, and a volume may be full for a while.
fn open_at_last(
    path: &Path,
    start: SystemTime,
    shared: &Shared,
    source: &impl Source,
    dispatch: &Dispatch,
) -> Option<LastWordsFile> {
    let log = |event: &dyn Fn()| dispatcher::with_default(dispatch, event);
    let mut is_logged = false;
    loop {
        shared.begin(thread::current().id());
        let opened = open(path, start, shared, source, dispatch);
        shared.finish_round(0, true);
        let error = match opened {
            Ok(file) => {
                shared.has_file();
                if is_logged {
                    log(
                        &|| tracing::info!(target: LOSS_TARGET, "the recorder's file {path:?} is used now"),
                    );
                }
                return Some(file);
            }
            Err(error) => error,
        };
        if !is_logged {
            is_logged = true;
            log(&|| {
                tracing::warn!(
                    target: LOSS_TARGET,
                    "{error}; the service runs without this file, and tries again every 10 s"
                );
            });
        }
        if shared.ends_within(REOPEN_INTERVAL, &error) {
            return None;
        }
    }
}

/// Opens the file, and logs what was in it.
fn open(
    path: &Path,
    start: SystemTime,
    shared: &Shared,
    source: &impl Source,
    dispatch: &Dispatch,
) -> Result<LastWordsFile, OpenError> {
    let log = |event: &dyn Fn()| dispatcher::with_default(dispatch, event);
    let opened = LastWordsFile::open(path)?;
    if let Some(refused) = opened.refused {
        log(&|| tracing::warn!(target: LOSS_TARGET, "{refused}"));
    }
    if let Some(words) = opened.previous {
        source.learn(&words);
        let report = Report::new(&words, start, boot_id());
        let previous = shared.previous.get_or_init(|| Previous { report });
        // After that, so that who reads the line finds the rest.
        log(&|| previous.report.log());
    }
    Ok(opened.file)
}

/// Tells all waiting callers that the thread has ended.
struct Over<'a>(&'a Shared);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_over = true;
        self.0.changed.notify_all();
    }
}

/// The thread's state.
pub(super) struct Writing<'a, S, D> {
    shared: &'a Shared,
    disk: D,
    source: S,
    health: Health,
    process: Process,
    survived_panic: Option<Panic>,
    payload: Vec<u8>,
    /// The payload of the newest area, empty if this process has written none.
    written: Vec<u8>,
}

impl<'a, S: Source, D: Disk> Writing<'a, S, D> {
    pub(super) fn new(
        shared: &'a Shared,
        disk: D,
        process: Process,
        source: S,
        health: Health,
    ) -> Self {
        Self {
            shared,
            disk,
            source,
            health,
            process,
            survived_panic: None,
            payload: Vec::new(),
            written: Vec::new(),
        }
    }

    /// Writes snapshots until the process ends.
    pub(super) fn run(mut self) {
        // The first snapshot is written at once, so that a process that is killed early is reported too.
        let mut due = Instant::now();
        loop {
            let Round { panic, end, number } = self.shared.next_round(due);
            let begin = Instant::now();
            let is_last = end.is_some();
            let panic = panic.inspect(|panic| self.survived_panic = Some(panic.clone()));
            let ended = end.or(panic.map(Ended::Panic)).unwrap_or(Ended::Running);
            let result = self.write(ended);
            let finished = self.shared.finish_round(number, result.is_ok());
            self.health.round_finished(&finished, result);
            // The snapshots that were due during a late round are counted in it.
            due = (begin + INTERVAL).max(Instant::now());
            if is_last {
                return;
            }
        }
    }

    /// Writes one snapshot.
    fn write(&mut self, ended: Ended) -> io::Result<()> {
        let mut words = LastWords::new(self.process.clone(), SystemTime::now());
        // A snapshot that panics is written as far as it came: the end of the process must be in the file.
        let snapshot = catch_unwind(AssertUnwindSafe(|| self.source.snapshot(&mut words)));
        let beat = Beat {
            time: SystemTime::now(),
            memory: words.memory,
        };
        // A panic that ends the process is not survived.
        let is_survived = !matches!(ended, Ended::Panic(_));
        words.survived_panic = self.survived_panic.clone().filter(|_| is_survived);
        words.process.clone_from(&self.process);
        words.ended = ended;
        codec::encode(&words, MAX_PAYLOAD, &mut self.payload);
        if !self.disk.is_in_place() && self.health.moved_away(|| self.disk.reopen()) {
            self.written.clear();
        }
        if self.payload == self.written {
            self.disk.beat(beat)?;
        } else {
            self.disk.write(beat, &self.payload)?;
            std::mem::swap(&mut self.payload, &mut self.written);
        }
        snapshot.map_err(|_| io::Error::other("the snapshot panicked"))
    }
}
