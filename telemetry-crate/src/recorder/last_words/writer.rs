//! The thread `firstlight-recorder`, which writes the file, and the handle to it.
//!
//! Only this thread uses the disk. A caller that records a panic or the end waits until its deadline at most, and all other
//! code of the service never waits for the file.

mod health;
mod rounds;
#[cfg(all(test, unix))]
mod tests;

use std::{
    fmt, io,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread::ThreadId,
    time::{Duration, Instant, SystemTime},
};

use tracing::dispatcher;

use super::{Ended, LastWords, OpenError, Panic, Process, Report};
use crate::{
    catalog,
    collector::{Collector, Samples},
};

/// The time between two snapshots.
const INTERVAL: Duration = Duration::from_millis(125);

/// The time after which an event must be in the file.
const MAX_DELAY: Duration = Duration::from_millis(250);

/// The time after which a snapshot that is due is late.
///
/// The oldest event in it then occurred just after the snapshot before.
const LATE: Duration = MAX_DELAY.checked_sub(INTERVAL).unwrap();

/// The state of the process, as a snapshot needs it.
pub(crate) trait Source: Send + 'static {
    /// Adds the current state to last words without any; must not block.
    ///
    /// The writer itself sets the process, the heartbeat, the end and the survived panic.
    fn snapshot(&self, into: &mut LastWords);

    /// Learns what the last process left; called once, before the first snapshot.
    fn learn(&self, _previous: &LastWords) {}
}

/// What the last process left.
#[derive(Debug)]
pub(crate) struct Previous {
    pub(crate) report: Report,
}

/// A handle to the thread that writes the file.
#[derive(Clone)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
}

/// What the handles share with the thread.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    previous: OnceLock<Previous>,
}

#[derive(Default)]
struct State {
    /// The panic that is not written yet.
    panic: Option<Panic>,
    /// The end that is not written yet, after which the thread ends.
    end: Option<Ended>,
    last_panic: Option<Panic>,
    /// The error with which the program ends.
    error: Option<String>,
    /// The number of panics and ends that were requested.
    requested: u64,
    /// The number of requests that are done, whether they are in the file or not.
    done: u64,
    /// The number of requests that are in the file.
    written: u64,
    /// Why the file cannot be opened; `None` if it is open.
    ///
    /// Requests then wait for the next attempt, and their callers do not.
    why_without_file: Option<String>,
    /// Whether the thread has ended.
    is_over: bool,
    thread: Option<ThreadId>,
    /// Snapshots that failed or were late.
    lost: u64,
    /// When the current snapshot is due.
    ///
    /// The thread may wake up later, if the machine is busy.
    due: Option<Instant>,
    /// When the thread began to write the current snapshot, or to open the file.
    writing_since: Option<Instant>,
}

/// How a round has ended.
struct Finished {
    /// The number of snapshots that were lost in it.
    lost: u64,
    /// Whether the disk alone took so long that the snapshot is late.
    is_disk_slow: bool,
}

/// What the thread writes next.
struct Round {
    panic: Option<Panic>,
    end: Option<Ended>,
    /// The number of the last request that the round includes.
    number: u64,
}

impl Writer {
    /// Starts the thread, which opens the file and logs how the last process ended.
    ///
    /// If the file cannot be used, the thread logs one warning and tries again every 10 s.
    ///
    /// # Errors
    ///
    /// If the system cannot start the thread.
    pub(crate) fn start(path: PathBuf, process: Process, source: impl Source) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let dispatch = dispatcher::get_default(Clone::clone);
        rounds::spawn(shared.clone(), path, process, source, dispatch)?;
        Ok(Self { shared })
    }

    /// Records a panic, after which the process may abort.
    ///
    /// Returns whether the panic is in the file before the deadline.
    pub(crate) fn panicked(&self, message: &str, deadline: Instant) -> bool {
        let panic = Panic {
            at: SystemTime::now(),
            message: message.to_owned(),
        };
        self.shared.request(deadline, |state| {
            state.last_panic = Some(panic.clone());
            state.panic = Some(panic);
        })
    }

    /// Records that the process ends, and ends the thread.
    ///
    /// The end is clean, unless the program has failed, or a panic unwinds the calling thread. Returns whether the end is
    /// in the file before the deadline.
    pub(crate) fn end(&self, deadline: Instant) -> bool {
        let at = SystemTime::now();
        let is_panicking = std::thread::panicking();
        self.shared.request(deadline, |state| {
            state.end = Some(if is_panicking {
                Ended::Panic(state.last_panic.clone().unwrap_or(Panic {
                    at,
                    message: "unknown".to_owned(),
                }))
            } else if let Some(message) = state.error.take() {
                Ended::Failed(Panic { at, message })
            } else {
                Ended::Clean { at }
            });
        })
    }

    /// Records the error with which the program ends, for [`end`](Self::end).
    pub(crate) fn failed(&self, error: &str) {
        self.shared.lock().error = Some(error.to_owned());
    }

    /// What the last process left, once the thread has read it.
    pub(crate) fn previous(&self) -> Option<&Previous> {
        self.shared.previous.get()
    }

    /// Why there is no file; `None` if there is one.
    pub(crate) fn why_without_file(&self) -> Option<String> {
        self.shared.lock().why_without_file.clone()
    }

    /// The number of snapshots that failed or were late.
    ///
    /// The one that is due is included, whether it is being written or not.
    pub(crate) fn lost(&self) -> u64 {
        let state = self.shared.lock();
        state.lost + state.due.map_or(0, lost_since)
    }
}

/// The number of snapshots that are lost if the one due then is not written.
fn lost_since(due: Instant) -> u64 {
    let duration = due.elapsed();
    if duration <= LATE {
        return 0;
    }
    u64::try_from(duration.as_millis() / INTERVAL.as_millis()).unwrap_or(u64::MAX)
}

impl State {
    /// Whether the current snapshot is late already.
    fn is_hanging(&self) -> bool {
        self.writing_since
            .is_some_and(|since| since.elapsed() > MAX_DELAY)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a request, and waits until it is written.
    fn request(&self, deadline: Instant, add: impl FnOnce(&mut State)) -> bool {
        let mut state = self.lock();
        // The thread must not wait for itself if its source panics.
        let is_own = state.thread == Some(std::thread::current().id());
        if state.is_over || is_own {
            return false;
        }
        add(&mut state);
        state.requested += 1;
        let number = state.requested;
        self.changed.notify_all();
        // While the disk hangs, each panic would wait until its deadline.
        if state.is_hanging() {
            return false;
        }
        loop {
            if state.done >= number {
                return state.written >= number;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if state.is_over || state.why_without_file.is_some() || left.is_zero() {
                return false;
            }
            let waited = self.changed.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Records that the thread begins to open the file.
    fn begin(&self, thread: ThreadId) {
        let mut state = self.lock();
        state.thread = Some(thread);
        state.writing_since = Some(Instant::now());
        state.due = state.writing_since;
    }

    /// Waits without a file; returns whether the process ends meanwhile.
    ///
    /// The snapshots that are due meanwhile are lost.
    fn ends_within(&self, duration: Duration, why: &OpenError) -> bool {
        let begin = Instant::now();
        let mut state = self.lock();
        state.why_without_file = Some(why.to_string());
        state.due = Some(begin);
        self.changed.notify_all();
        loop {
            let left = duration.saturating_sub(begin.elapsed());
            if state.end.is_some() || left.is_zero() {
                state.lost += lost_since(begin);
                state.due = None;
                return state.end.is_some();
            }
            let waited = self.changed.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Records that there is a file.
    fn has_file(&self) {
        self.lock().why_without_file = None;
    }

    /// Waits for a request or for the time of the next snapshot, and begins a round.
    fn next_round(&self, due: Instant) -> Round {
        let mut state = self.lock();
        state.due = Some(due);
        loop {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() || state.requested > state.done {
                break;
            }
            let waited = self.changed.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        state.writing_since = Some(Instant::now());
        Round {
            panic: state.panic.take(),
            end: state.end.take(),
            number: state.requested,
        }
    }

    /// Ends a round.
    fn finish_round(&self, number: u64, is_written: bool) -> Finished {
        let mut state = self.lock();
        let is_disk_slow = state.is_hanging();
        state.writing_since = None;
        let lost = state.due.take().map_or(0, lost_since);
        let lost = lost.max((!is_written).into());
        state.lost += lost;
        state.done = number;
        if is_written {
            state.written = number;
        }
        self.changed.notify_all();
        Finished { lost, is_disk_slow }
    }
}

impl Collector for Writer {
    fn collect(&self, samples: &mut dyn Samples) {
        let metric = &catalog::RECORDER_SNAPSHOTS_LOST;
        samples.sample(metric, &[], self.lost() as f64);
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Writer");
        debug.field("lost", &self.lost()).finish_non_exhaustive()
    }
}
