//! The panic hook, which logs a panic as one log line with the ids of its span.
//!
//! The standard hook writes several lines to standard error, which log shippers read as separate records of unknown
//! severity. This hook replaces the one that is registered when telemetry starts. A hook that is registered later should
//! call the previous hook, so that the log line is still written.

use std::{
    any::Any,
    backtrace::{Backtrace, BacktraceStatus},
    panic::{self, PanicHookInfo},
    thread,
    time::{Duration, Instant},
};

use crate::{
    logs::LogWriter, recorder::last_words::Writer, secret::without_credentials, thread::is_probing,
};

/// Longest wait for the log line to be written.
///
/// The hook waits, because the process may abort after the panic.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Longest wait for the panic to be in the recorder's file.
const FILE_TIMEOUT: Duration = Duration::from_millis(250);

/// Installs the hook, which logs panics and adds them to the last words.
pub(crate) fn install_hook(writer: LogWriter, last_words: Option<Writer>) {
    panic::set_hook(Box::new(move |info| {
        // `thread::is_ending` expects this panic, which shows that the thread is ending.
        if is_probing() {
            return;
        }
        log(info);
        // If the output is blocked, writing the log line has already timed out, and a flush would only wait again.
        if !writer.is_stalled() {
            let _ = writer.flush(Instant::now() + FLUSH_TIMEOUT);
        }
        if let Some(last_words) = &last_words {
            // The message of a log line is redacted by its fields, and this one here.
            let message = without_credentials(message_of(info.payload()), false);
            last_words.panicked(&message, Instant::now() + FILE_TIMEOUT);
        }
    }));
}

fn log(info: &PanicHookInfo<'_>) {
    let message = message_of(info.payload());
    let location = info.location().map(ToString::to_string);
    let thread = thread::current();
    // Honors RUST_BACKTRACE, as the standard hook does.
    let backtrace = Backtrace::capture();
    let backtrace =
        (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(
        target: "panic",
        { panic.location = location, thread.name = thread.name(), exception.stacktrace = backtrace },
        "panicked: {message}"
    );
}

/// Returns the message of a panic, from its payload.
pub(crate) fn message_of(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is not text")
}
