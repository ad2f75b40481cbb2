//! The warning about a guard that is dropped while the process continues.

use std::{thread, time::Duration};

use crate::{export::LOSS_TARGET, readiness};

const THREAD: &str = "firstlight-guard";

/// The time that the rest of `main` may take; it usually takes milliseconds.
const GRACE: Duration = Duration::from_secs(2);

/// Logs a warning if the process still runs after [`GRACE`].
pub(super) fn watch() {
    // If the thread cannot start, the warning is missing. `/telemetry` reports the same.
    let _ = thread::Builder::new().name(THREAD.to_owned()).spawn(|| {
        thread::sleep(GRACE);
        // A process that received the signal to stop is expected to end.
        if !readiness::is_stopping() {
            tracing::warn!(
                target: LOSS_TARGET,
                "telemetry ended {} s ago because its guard was dropped, but the process goes on: spans, and metrics and log records over OTLP, have been lost since then. Keep the guard until the end of main. `let telemetry = firstlight::init!()?;` does so, while `let _ = ...` drops it at once; `telemetry.finish(...)` ends it",
                GRACE.as_secs()
            );
        }
    });
}
