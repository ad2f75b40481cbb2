//! Watches the application's runtime from the admin thread.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::RuntimeObserver;

/// Interval of wake-ups: no load, and short enough to show what users notice.
const WAKE_INTERVAL: Duration = Duration::from_millis(100);

/// Time without a response after which the runtime counts as blocked.
///
/// This is an incident and not a busy moment. It is well below the usual timeout of liveness
/// probes, whose restart would remove the evidence.
const BLOCKED_AFTER: Duration = Duration::from_secs(3);

/// Delay of a wake-up after which its measurement is discarded.
///
/// Such a delay means that the whole process was suspended, and not that the runtime was blocked.
const MAX_OVERSLEEP: Duration = Duration::from_secs(1);

/// Wakes the probe repeatedly, without end; runs on the admin thread.
pub(crate) async fn watch(observer: Arc<RuntimeObserver>) {
    let mut detector = StallDetector::default();
    loop {
        let before = Instant::now();
        tokio::time::sleep(WAKE_INTERVAL).await;
        let now = Instant::now();
        if now.duration_since(before) > WAKE_INTERVAL + MAX_OVERSLEEP {
            continue;
        }
        let open = observer
            .observed()
            .map_or(Duration::ZERO, |observed| observed.probe.wake_up(now));
        match detector.update(open) {
            None => {}
            Some(Change::Blocked) => tracing::warn!(
                target: "firstlight",
                "the application's runtime has run no task for {} s: something blocks its threads, such as a synchronous call in async code; see tokio_scheduler_stalled_seconds",
                BLOCKED_AFTER.as_secs()
            ),
            Some(Change::Recovered(stall)) => tracing::warn!(
                target: "firstlight",
                { stalled = stall.as_secs_f64() },
                "the application's runtime runs tasks again, after {:.1} s without any",
                stall.as_secs_f64()
            ),
        }
    }
}

#[derive(Debug, PartialEq)]
pub(super) enum Change {
    Blocked,
    /// The runtime runs again, after being blocked for this time.
    Recovered(Duration),
}

/// Detects the start and the end of a stall, each reported once.
#[derive(Debug, Default)]
pub(super) struct StallDetector {
    /// The longest wait since the stall was reported.
    blocked: Option<Duration>,
}

impl StallDetector {
    /// Updates the state; `open` is the time since a wake-up without a response.
    pub(super) fn update(&mut self, open: Duration) -> Option<Change> {
        match self.blocked {
            None if open >= BLOCKED_AFTER => {
                self.blocked = Some(open);
                Some(Change::Blocked)
            }
            Some(longest) if open < longest => {
                self.blocked = None;
                Some(Change::Recovered(longest))
            }
            Some(_) => {
                self.blocked = Some(open);
                None
            }
            None => None,
        }
    }
}
