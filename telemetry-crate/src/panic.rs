//! A panic becomes one log line, with the trace it happened in.
//!
//! The standard hook writes several lines of text to standard error, which log shippers take for as many records of
//! unknown severity. The hook that is set when telemetry starts is replaced; one that is set later, and calls the one
//! before it, keeps the line.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    panic::{self, PanicHookInfo},
    thread,
    time::{Duration, Instant},
};

use crate::{logs::LogWriter, thread::is_asking};

/// A panic may be the last thing that a process does; the line goes out first.
const FLUSH: Duration = Duration::from_secs(1);

pub(crate) fn install_hook(writer: LogWriter) {
    panic::set_hook(Box::new(move |info| {
        if is_asking() {
            return;
        }
        log(info);
        // The line has waited already; on an output that takes nothing, once is enough.
        if !writer.is_stalled() {
            let _ = writer.flush(Instant::now() + FLUSH);
        }
    }));
}

fn log(info: &PanicHookInfo<'_>) {
    let payload = info.payload();
    let payload = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is no text");
    let location = info.location().map(ToString::to_string);
    let thread = thread::current();
    // Honours RUST_BACKTRACE, as the standard hook does.
    let backtrace = Backtrace::capture();
    let backtrace =
        (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(
        target: "panic",
        { panic.location = location, thread.name = thread.name(), exception.stacktrace = backtrace },
        "panicked: {payload}"
    );
}
