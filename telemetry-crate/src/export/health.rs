//! Whether exporting works, and one log line each time that changes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tracing::{Dispatch, dispatcher};

use super::stats::{ExportError, ExportStats};
use crate::signal::Signal;
use crate::thread;

/// Of one signal.
pub(super) struct Health {
    signal: Signal,
    endpoint: String,
    stats: Arc<ExportStats>,
    /// The program's subscriber.
    dispatch: Dispatch,
    failing: Option<Failing>,
    /// When it was said last that exporting fails.
    said: Option<Instant>,
    /// The collector's last warning that was logged, and when.
    warned: Option<(String, Instant)>,
    /// How many the full queue had cost when that was said, and when it was.
    overflow: Option<(u64, Instant)>,
}

/// Since when exporting fails.
struct Failing {
    /// What was lost before.
    lost_before: u64,
    /// A collector that fails and works in turn is said once in a while.
    is_said: bool,
}

/// Between two lines about the same.
const QUIET: Duration = Duration::from_secs(60);

/// The target of the lines about what is lost; they are written whatever the log filter says.
pub(crate) const LOSS_TARGET: &str = "firstlight::loss";

impl Health {
    pub(super) fn new(
        signal: Signal,
        endpoint: String,
        stats: Arc<ExportStats>,
        dispatch: Dispatch,
    ) -> Self {
        Self {
            signal,
            endpoint,
            stats,
            dispatch,
            failing: None,
            said: None,
            warned: None,
            overflow: None,
        }
    }

    /// Counts what became of so many items.
    pub(super) fn settled(&mut self, items: usize, result: Result<(), ExportError>) {
        let lost_before = self.stats.total_lost();
        let rejected = self.stats.take_rejected().min(items as u64);
        self.check_warning();
        match result {
            Ok(()) if rejected > 0 => {
                self.stats.exported(items as u64 - rejected);
                let error = self.stats.last_error().unwrap_or_default();
                self.stats.failed(rejected, &error);
                self.failed(&error, lost_before);
            }
            Ok(()) => {
                self.stats.exported(items as u64);
                self.recovered();
            }
            Err(error) => {
                self.stats.failed(items as u64, &error);
                self.failed(&error, lost_before);
            }
        }
    }

    /// OTLP specification, "Partial Success": a text and nothing rejected is a warning. Each is said once, and one a minute
    /// at most.
    fn check_warning(&mut self) {
        let Some(warning) = self.stats.take_warning() else {
            return;
        };
        let is_said = self
            .warned
            .as_ref()
            .is_some_and(|(said, at)| *said == warning || at.elapsed() < QUIET);
        if is_said {
            return;
        }
        // It is the collector's text, of any length.
        let shown: String = warning.chars().take(200).collect();
        self.warned = Some((warning, Instant::now()));
        let (signal, endpoint) = (self.signal.name(), &self.endpoint);
        self.say(|| {
            tracing::warn!(
                endpoint,
                "the collector accepted the {signal} and warns: {shown}"
            );
        });
    }

    /// Says that the queue was full, once a minute at most.
    pub(super) fn check_overflow(&mut self) {
        let Some(queue) = self.signal.queue() else {
            return;
        };
        let lost = self.stats.total_queue_full();
        let is_said = self
            .overflow
            .is_some_and(|(said, at)| lost == said || at.elapsed() < QUIET);
        if lost == 0 || is_said {
            return;
        }
        let since = lost - self.overflow.map_or(0, |(said, _)| said);
        self.overflow = Some((lost, Instant::now()));
        let (unit, capacity) = (self.signal.unit(), self.stats.capacity());
        self.say(|| {
            tracing::warn!(
                target: LOSS_TARGET,
                "{} dropped: the queue of {capacity} was full; {} makes it longer, and fewer {unit} are a smaller sampling ratio's or filter's",
                unit.counted(since),
                queue.variable
            );
        });
    }

    fn failed(&mut self, error: &ExportError, lost_before: u64) {
        let failing = self.failing.get_or_insert(Failing {
            lost_before,
            is_said: false,
        });
        // One that begins soon after another is said once it has lasted.
        let is_due = self.said.is_none_or(|said| said.elapsed() >= QUIET);
        if failing.is_said || !is_due {
            return;
        }
        failing.is_said = true;
        self.said = Some(Instant::now());
        let (signal, unit, endpoint) = (self.signal.name(), self.signal.unit(), &self.endpoint);
        self.say(|| {
            tracing::warn!(
                target: LOSS_TARGET,
                endpoint,
                error.r#type = error.kind,
                "export of {signal} fails: {}; {unit} are lost and counted until it works again",
                error.text
            );
        });
    }

    fn recovered(&mut self) {
        let Some(Failing {
            lost_before,
            is_said: true,
        }) = self.failing.take()
        else {
            return;
        };
        let lost = self.stats.total_lost() - lost_before;
        let lost = self.signal.unit().counted(lost);
        let (signal, endpoint) = (self.signal.name(), &self.endpoint);
        self.say(|| {
            tracing::info!(target: LOSS_TARGET, endpoint, "export of {signal} works again; {lost} lost");
        });
    }

    /// To the subscriber that the program had at `init()`, which may be that of a thread alone.
    fn say(&self, line: impl FnOnce()) {
        thread::aloud(|| dispatcher::with_default(&self.dispatch, line));
    }
}
