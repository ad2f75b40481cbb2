//! A guard that is dropped while the process goes on.

use std::{thread, time::Duration};

use crate::{export::LOSS_TARGET, readiness};

const THREAD: &str = "firstlight-guard";

/// What is left of a program whose guard is dropped at the end of `main` takes milliseconds.
const GRACE: Duration = Duration::from_secs(2);

/// Says so once the process is still there. The end of the process ends the wait.
pub(super) fn watch() {
    // Without a thread there is no warning; `/telemetry` has it all the same.
    let _ = thread::Builder::new().name(THREAD.to_owned()).spawn(|| {
        thread::sleep(GRACE);
        // A process that was told to stop is on its way.
        if !readiness::is_stopping() {
            tracing::warn!(
                target: LOSS_TARGET,
                "telemetry has ended {} s ago, because its guard was dropped, and the process goes on: spans, and metrics and log records over OTLP, are lost from there on. Keep the guard until the end of main: `let telemetry = firstlight::init!()?;`, and not `let _ = ...`, which drops it at once; `telemetry.finish(...)` ends it",
                GRACE.as_secs()
            );
        }
    });
}
