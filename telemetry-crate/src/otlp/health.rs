//! Whether exporting works, and one log line each time that changes.

use std::sync::Arc;

use tracing::{Dispatch, dispatcher};

use super::{
    signal::Signal,
    stats::{ExportError, ExportStats},
};
use crate::thread;

/// Of one signal.
pub(super) struct Health {
    signal: Signal,
    endpoint: String,
    stats: Arc<ExportStats>,
    /// The program's subscriber.
    dispatch: Dispatch,
    /// What was lost before exporting began to fail.
    failing: Option<u64>,
}

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
        }
    }

    /// Counts what became of so many items.
    pub(super) fn settled(&mut self, items: usize, result: Result<(), ExportError>) {
        let lost_before = self.stats.total_lost();
        let rejected = self.stats.take_rejected().min(items as u64);
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

    fn failed(&mut self, error: &ExportError, lost_before: u64) {
        if self.failing.is_some() {
            return;
        }
        self.failing = Some(lost_before);
        let (signal, unit, endpoint) = (self.signal.name(), self.signal.unit(), &self.endpoint);
        self.say(|| {
            tracing::warn!(
                target: "firstlight",
                endpoint,
                error.r#type = error.kind,
                "export of {signal} fails: {}; {unit} are lost and counted until it works again",
                error.text
            );
        });
    }

    fn recovered(&mut self) {
        let Some(lost_before) = self.failing.take() else {
            return;
        };
        let lost = self.stats.total_lost() - lost_before;
        let (signal, unit, endpoint) = (self.signal.name(), self.signal.unit(), &self.endpoint);
        self.say(|| {
            tracing::info!(target: "firstlight", endpoint, "export of {signal} works again; {lost} {unit} were lost");
        });
    }

    /// To the subscriber that the program had at `init()`, which may be that of a thread alone.
    fn say(&self, line: impl FnOnce()) {
        thread::aloud(|| dispatcher::with_default(&self.dispatch, line));
    }
}
