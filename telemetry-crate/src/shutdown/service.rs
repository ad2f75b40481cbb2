//! A service whose start the signal to stop can cancel.

use super::{phase, watcher};

/// Runs a service, and cancels its start at SIGTERM or SIGINT.
///
/// [`shutdown_signal`](crate::shutdown_signal) handles signals only once it is polled, which is usually the last step of
/// a start. A signal that comes earlier, during a slow migration or while a database does not answer, ends the process
/// without a flush. If the process is process 1, as in most containers, the signal has no effect, and the supervisor
/// kills the process after the grace period. This function handles the signals from the start on:
///
/// | the signal comes | effect |
/// | --- | --- |
/// | before `service` has polled `shutdown_signal()` | `/readyz` answers 503, one log line is written, `service` is dropped at its next `.await`, and the function returns `Ok(())` |
/// | later | `shutdown_signal()` completes, and the function returns the result of `service` |
///
/// Everything that waits for `shutdown_signal()` counts as polling it, such as
/// [`run_until_shutdown`](crate::run_until_shutdown). A service that stops by other means must not be passed to this
/// function, because a signal would cancel it at any time.
///
/// Cancellation drops the future, as `tokio::time::timeout` does. A start that blocks its thread, such as a synchronous
/// migration, is canceled only once it no longer blocks. Tasks that it has spawned end with the runtime, and
/// `spawn_blocking` closures delay the end of the runtime. In each of these cases, a second signal ends the process at
/// once, as described for `shutdown_signal()`.
///
/// The drain delay does not apply to a canceled start, because the service has no requests yet. Call the function
/// directly after telemetry has started. Until then a signal has the default effect.
///
/// # Errors
///
/// The error of `service`. A canceled start is no error, so that the exit code is 0.
///
/// # Examples
///
/// ```no_run
/// use std::{io, process::ExitCode};
///
/// # async fn migrate() -> io::Result<()> { Ok(()) }
/// # async fn serve(shutdown: impl Future<Output = ()>) -> io::Result<()> { Ok(shutdown.await) }
/// #[tokio::main]
/// async fn main() -> Result<ExitCode, firstlight::InitError> {
///     let telemetry = firstlight::init!()?;
///     let result = firstlight::run_service(async {
///         migrate().await?; // a signal cancels this
///         serve(firstlight::shutdown_signal()).await // a signal drains this
///     });
///     Ok(telemetry.finish(result.await))
/// }
/// ```
pub async fn run_service<E>(service: impl Future<Output = Result<(), E>>) -> Result<(), E> {
    if !watcher::start() {
        return service.await;
    }
    tokio::select! {
        // The signal first, because one poll of the service may take long.
        biased;
        () = phase::start_canceled() => Ok(()),
        result = service => result,
    }
}
