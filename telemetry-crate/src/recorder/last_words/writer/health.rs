//! Log lines when writing the file fails, works again, or the file is moved away.

use std::{
    io,
    time::{Duration, Instant},
};

use tracing::{Dispatch, dispatcher};

use super::Finished;
use crate::{export::LOSS_TARGET, recorder::last_words::OpenError, values::counted};

/// The shortest time between two log lines about failures.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The number of late snapshots from which a slow disk is logged.
const LATE_SNAPSHOTS: u64 = 4;

/// The shortest time between two attempts to open or make the file.
pub(super) const REOPEN_INTERVAL: Duration = Duration::from_secs(10);

/// Whether the file is written, and whether it is at its path.
pub(super) struct Health {
    path: String,
    /// The program's subscriber when telemetry started.
    dispatch: Dispatch,
    /// Lost snapshots of the current failure, 0 if there is none.
    lost: u64,
    is_logged: bool,
    failure_logged: Option<Instant>,
    /// When a new file was last tried for one that was moved away.
    reopened: Option<Instant>,
    is_move_logged: bool,
}

impl Health {
    pub(super) fn new(path: String, dispatch: Dispatch) -> Self {
        Self {
            path,
            dispatch,
            lost: 0,
            is_logged: false,
            failure_logged: None,
            reopened: None,
            is_move_logged: false,
        }
    }

    /// Logs a change of state after a round.
    pub(super) fn round_finished(&mut self, finished: &Finished, result: io::Result<()>) {
        if finished.lost == 0 {
            self.recovered();
            return;
        }
        self.lost = self.lost.saturating_add(finished.lost);
        let is_late = self.lost >= LATE_SNAPSHOTS;
        let reason = match result {
            Err(error) => error.to_string(),
            Ok(()) if is_late && finished.is_disk_slow => "the disk is slow".to_owned(),
            Ok(()) if is_late => "its thread runs late, the machine is busy".to_owned(),
            Ok(()) => return,
        };
        // A failure soon after another is not logged.
        let is_due = self
            .failure_logged
            .is_none_or(|at| at.elapsed() >= LOG_INTERVAL);
        if self.is_logged || !is_due {
            return;
        }
        self.is_logged = true;
        self.failure_logged = Some(Instant::now());
        let path = &self.path;
        self.log(|| {
            tracing::warn!(
                target: LOSS_TARGET,
                "the recorder's file {path:?} is not written in time: {reason}; lost snapshots are counted, and the service is not affected"
            );
        });
    }

    fn recovered(&mut self) {
        let lost = std::mem::take(&mut self.lost);
        if std::mem::take(&mut self.is_logged) {
            let (path, lost) = (&self.path, counted(lost, "snapshot was", "snapshots were"));
            self.log(|| {
                tracing::info!(
                    target: LOSS_TARGET,
                    "the recorder's file {path:?} is written again; {lost} lost"
                );
            });
        }
    }

    /// Makes a new file for one that was moved away. Returns whether there is one.
    ///
    /// Without a new file, the moved file is written on.
    pub(super) fn moved_away(&mut self, reopen: impl FnOnce() -> Result<(), OpenError>) -> bool {
        let is_due = self
            .reopened
            .is_none_or(|at| at.elapsed() >= REOPEN_INTERVAL);
        if !is_due {
            return false;
        }
        self.reopened = Some(Instant::now());
        let path = &self.path;
        match reopen() {
            Ok(()) => {
                self.is_move_logged = false;
                self.log(|| {
                    tracing::warn!(
                        target: LOSS_TARGET,
                        "the recorder's file {path:?} was moved or removed; a new one was made"
                    );
                });
                true
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_move_logged, true) {
                    self.log(|| {
                        tracing::warn!(
                            target: LOSS_TARGET,
                            "the recorder's file {path:?} was moved or removed, so the next start does not find it: {error}"
                        );
                    });
                }
                false
            }
        }
    }

    fn log(&self, event: impl FnOnce()) {
        dispatcher::with_default(&self.dispatch, event);
    }
}
