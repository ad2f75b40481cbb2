//! The phase of the process between its start and the end of the drain delay.

use std::sync::LazyLock;

use tokio::sync::watch;

/// The phase of this process.
///
/// Global, because a process receives its signals once for all of its services.
static PHASE: LazyLock<watch::Sender<Phase>> =
    LazyLock::new(|| watch::Sender::new(Phase::Starting));

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// `shutdown_signal()` was not polled yet.
    Starting,
    /// `shutdown_signal()` was polled, so the service stops itself.
    Serving,
    /// The signal came, and the drain delay may run.
    Signaled { during_start: bool },
    /// The process stops.
    Stopping { during_start: bool },
}

impl Phase {
    /// Ends the start; returns whether the phase has changed.
    fn end_start(&mut self) -> bool {
        let is_starting = *self == Self::Starting;
        if is_starting {
            *self = Self::Serving;
        }
        is_starting
    }

    /// Records the signal, and returns whether it came during the start.
    fn record_signal(&mut self) -> bool {
        let during_start = *self == Self::Starting;
        *self = Self::Signaled { during_start };
        during_start
    }
}

/// Ends the start of the service, which a signal no longer cancels.
pub(super) fn end_start() {
    PHASE.send_if_modified(Phase::end_start);
}

/// Records the signal, and returns whether it came during the start.
pub(super) fn record_signal() -> bool {
    let mut during_start = false;
    PHASE.send_modify(|phase| during_start = phase.record_signal());
    during_start
}

/// Makes the service stop.
pub(super) fn stop(during_start: bool) {
    PHASE.send_replace(Phase::Stopping { during_start });
}

/// Waits until the service must stop.
pub(super) async fn stopping() {
    wait_for(|phase| matches!(phase, Phase::Stopping { .. })).await;
}

/// Waits until the start must be canceled.
pub(super) async fn start_canceled() {
    wait_for(|phase| matches!(phase, Phase::Stopping { during_start: true })).await;
}

async fn wait_for(is_reached: impl Fn(&Phase) -> bool) {
    // The sender is static, so there is no error.
    let _ = PHASE.subscribe().wait_for(is_reached).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_cancel_only_the_start() {
        let mut phase = Phase::Starting;
        assert!(phase.record_signal());
        // The start calls `shutdown_signal()` before it is canceled.
        assert!(!phase.end_start());
        assert_eq!(phase, Phase::Signaled { during_start: true });

        let mut phase = Phase::Starting;
        assert!(phase.end_start());
        assert!(!phase.record_signal());
        assert!(!phase.end_start());
        let during_start = false;
        assert_eq!(phase, Phase::Signaled { during_start });
    }
}
