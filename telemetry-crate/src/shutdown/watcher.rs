//! The thread that waits for the signals to stop.
//!
//! It is a thread with a runtime of its own, because the application's runtime may be blocked. One thread receives all
//! signals of the process, so none is lost between two listeners.

use std::{
    io,
    sync::{OnceLock, mpsc},
    thread,
    time::Duration,
};

use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
    time::timeout,
};

use super::{drain_delay, phase, signals::Signals};
use crate::{export::LOSS_TARGET, readiness, thread::suppressed};

const THREAD: &str = "firstlight-signals";

/// The timeout of a log line about a signal.
///
/// It is twice the timeout of the log writer. A foreign subscriber may block without a timeout.
const LINE_TIMEOUT: Duration = Duration::from_secs(1);

/// The time in which further signals count as repetitions of the first one.
///
/// GNU `timeout` and some supervisors signal the process and then its group, which are two signals within a millisecond. The second
/// Ctrl-C of a person comes later.
const REPETITION_TIME: Duration = Duration::from_millis(100);

/// Starts the thread unless it runs, and returns whether it runs.
///
/// When the function has returned `true`, no signal is lost.
pub(super) fn start() -> bool {
    static IS_RUNNING: OnceLock<bool> = OnceLock::new();
    let mut failure = None;
    let is_running = *IS_RUNNING.get_or_init(|| {
        failure = start_thread().err();
        failure.is_none()
    });
    if let Some(error) = failure {
        tracing::error!(target: "firstlight", "cannot listen for signals, so only a kill stops this process: {error}");
    }
    is_running
}

fn start_thread() -> io::Result<()> {
    let (listening, is_listening) = mpsc::channel();
    let run = move || match listen() {
        Ok((runtime, signals)) => {
            let _ = listening.send(Ok(()));
            std::process::exit(runtime.block_on(watch(signals)));
        }
        Err(error) => {
            let _ = listening.send(Err(error));
        }
    };
    thread::Builder::new().name(THREAD.to_owned()).spawn(run)?;
    let ended = |_| Err(io::Error::other("the thread has ended"));
    is_listening.recv().unwrap_or_else(ended)
}

fn listen() -> io::Result<(Runtime, Signals)> {
    suppressed(|| {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let signals = runtime.block_on(async { Signals::listen() })?;
        Ok((runtime, signals))
    })
}

/// Stops the service at the first signal; returns the second one's exit code.
async fn watch(mut signals: Signals) -> i32 {
    let (name, _) = signals.next().await;
    readiness::record_stop_signal();
    tokio::spawn(stop(name, phase::record_signal()));
    signals.ignore_for(REPETITION_TIME).await;
    let (name, number) = signals.next().await;
    let code = 128 + number;
    let line = move || {
        tracing::error!(
            target: LOSS_TARGET,
            signal = name,
            "a second signal: exiting at once with {code}; work in flight is cut, and telemetry that is not sent yet is lost"
        );
    };
    log(line).await;
    code
}

/// Logs the first signal, waits for the drain delay, and makes the service stop.
async fn stop(name: &'static str, during_start: bool) {
    // A service that has not started gets no requests, so it has no delay.
    let delay = if during_start {
        Duration::ZERO
    } else {
        drain_delay()
    };
    let line = move || {
        if during_start {
            tracing::info!(target: "firstlight", signal = name, "shutting down during the start: canceling it; a second signal exits at once");
        } else if delay.is_zero() {
            tracing::info!(target: "firstlight", signal = name, "shutting down: draining requests; a second signal exits at once");
        } else {
            tracing::info!(
                target: "firstlight",
                signal = name,
                "shutting down: not ready any more, accepting requests for another {} ms, then draining; a second signal exits at once",
                delay.as_millis()
            );
        }
    };
    log(line).await;
    tokio::time::sleep(delay).await;
    phase::stop(during_start);
}

/// Logs a line on another thread, because the subscriber may block.
async fn log(line: impl Fn() + Copy + Send + 'static) {
    let (logged, is_logged) = oneshot::channel();
    let thread = thread::Builder::new()
        .name(THREAD.to_owned())
        .spawn(move || {
            line();
            let _ = logged.send(());
        });
    match thread {
        Ok(_) => {
            let _ = timeout(LINE_TIMEOUT, is_logged).await;
        }
        // The process may have no more threads.
        Err(_) => line(),
    }
}
