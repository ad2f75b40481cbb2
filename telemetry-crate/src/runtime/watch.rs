//! The admin thread's eye on the application's runtime.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::RuntimeObserver;

/// Ten wake-ups a second are no load, and show what a person would feel.
const PERIOD: Duration = Duration::from_millis(100);

/// No request has gone on for so long: that is an incident, and not a busy moment. Well below the usual patience of
/// liveness probes, which restart the service and leave nothing to look at.
const BLOCKED: Duration = Duration::from_secs(3);

/// A look that comes so late says that the whole process stood still, and nothing about the runtime.
const OVERSLEPT: Duration = Duration::from_secs(1);

/// Asks for ever; to be run on the admin thread.
pub(crate) async fn watch(observer: Arc<RuntimeObserver>) {
    let mut watch = Watch::default();
    loop {
        let before = Instant::now();
        tokio::time::sleep(PERIOD).await;
        let now = Instant::now();
        if now.duration_since(before) > PERIOD + OVERSLEPT {
            continue;
        }
        let open = observer
            .observed()
            .map_or(Duration::ZERO, |observed| observed.scheduler.ask(now));
        match watch.look(open) {
            None => {}
            Some(Change::Blocked) => tracing::warn!(
                target: "firstlight",
                "the application's runtime has run no task for {} s: something blocks its threads, such as a synchronous call in async code; see tokio_scheduler_stalled_seconds",
                BLOCKED.as_secs()
            ),
            Some(Change::Recovered(stall)) => tracing::warn!(
                target: "firstlight",
                { stalled = stall.as_secs_f64() },
                "the application's runtime goes on, after {:.1} s without running any task",
                stall.as_secs_f64()
            ),
        }
    }
}

#[derive(Debug, PartialEq)]
pub(super) enum Change {
    Blocked,
    /// After so long.
    Recovered(Duration),
}

/// Says each thing once.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The longest wait that was seen since the line was written.
    blocked: Option<Duration>,
}

impl Watch {
    /// `open`: for how long the last question has had no answer.
    pub(super) fn look(&mut self, open: Duration) -> Option<Change> {
        match self.blocked {
            None if open >= BLOCKED => {
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
