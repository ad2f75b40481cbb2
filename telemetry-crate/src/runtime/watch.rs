//! Watches the application's runtime from the admin thread.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{LongPoll, RuntimeObserver};

/// Interval of wake-ups, short enough to show the delays that users notice.
///
/// Ten wake-ups a second are a negligible load.
const WAKE_INTERVAL: Duration = Duration::from_millis(100);

/// Time without a response after which the runtime counts as blocked.
///
/// A delay this long is an incident and not a busy moment. The time is well below that of usual
/// liveness probes, after which a restart would remove the evidence.
const BLOCKED_AFTER: Duration = Duration::from_secs(3);

/// Delay of the admin thread's own timer after which a measurement is skipped.
///
/// Such a delay means that the whole process was suspended, and not that the runtime was blocked.
const MAX_OVERSLEEP: Duration = Duration::from_secs(1);

/// How much later than the stall a reading may have seen the poll that causes it.
const POLL_TOLERANCE: Duration = Duration::from_secs(1);

/// Maximum number of polls that a warning names.
const MAX_NAMED: usize = 4;

/// Names what was being polled when the stall began.
///
/// The shortest poll is named first, because the runtime was stalled by the last one.
pub(super) fn polled(polls: &[LongPoll]) -> String {
    let named: Vec<_> = (polls.iter().rev().take(MAX_NAMED))
        .map(|poll| {
            let place = &poll.place;
            let span = place.span_name.as_ref();
            let span = span.map_or_else(String::new, |span| format!(" in {span}"));
            format!(
                "{} (trace {}){span} for {:.1} s",
                place.root_name,
                place.trace_id,
                poll.lasts.as_secs_f64()
            )
        })
        .collect();
    if named.is_empty() {
        return String::new();
    }
    format!("; in one poll since then: {}", named.join(", "))
}

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
        if let Some(polls) = &observer.polls {
            polls.sample(now);
        }
        let observed = observer.observed();
        let stalls = observed.iter().map(|observed| observed.probe.wake_up(now));
        let open = stalls.max().unwrap_or_default();
        let what = match observed.len() {
            0 | 1 => "the application's runtime",
            _ => "a runtime of the application",
        };
        match detector.update(open) {
            None => {}
            Some(Change::Blocked) => tracing::warn!(
                target: "firstlight",
                "{what} has run no task for {} s: something blocks its threads, such as a synchronous call in async code; see tokio_scheduler_stalled_seconds{}",
                BLOCKED_AFTER.as_secs(),
                polled(&observer.long_polls(BLOCKED_AFTER - POLL_TOLERANCE))
            ),
            Some(Change::Recovered(stall)) => tracing::warn!(
                target: "firstlight",
                { stalled = stall.as_secs_f64() },
                "{what} runs tasks again, after {:.1} s without any",
                stall.as_secs_f64()
            ),
        }
    }
}

/// A change of the runtime's state, to be logged.
#[derive(Debug, PartialEq)]
pub(super) enum Change {
    /// The runtime has run no task for [`BLOCKED_AFTER`].
    Blocked,
    /// The runtime runs again, after being blocked for this time.
    Recovered(Duration),
}

/// Detects the start and the end of a stall, each reported once.
#[derive(Debug, Default)]
pub(super) struct StallDetector {
    /// The time of the reported stall so far; `None` if no stall is reported.
    reported: Option<Duration>,
}

impl StallDetector {
    /// Updates the state; `open` is the time since a wake-up without a response.
    pub(super) fn update(&mut self, open: Duration) -> Option<Change> {
        match self.reported {
            None if open >= BLOCKED_AFTER => {
                self.reported = Some(open);
                Some(Change::Blocked)
            }
            Some(longest) if open < longest => {
                self.reported = None;
                Some(Change::Recovered(longest))
            }
            Some(_) => {
                self.reported = Some(open);
                None
            }
            None => None,
        }
    }
}
