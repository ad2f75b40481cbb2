//! The signal to stop, and the drain after it.

mod phase;
mod service;
mod signals;
mod watcher;

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::task::{JoinError, JoinSet};

pub use service::run_service;

/// The drain delay in milliseconds.
///
/// Global, because the signal's handler has no access to a guard.
static DRAIN_DELAY: AtomicU64 = AtomicU64::new(0);

/// The value of `FIRSTLIGHT_DRAIN_TIMEOUT`, if it is set.
static DRAIN_TIMEOUT: OnceLock<Duration> = OnceLock::new();

/// The default drain timeout.
///
/// It leaves 10 s of the 30 s after which Kubernetes kills a pod by default: 5 s for the flush of telemetry, and 5 s for a drain
/// delay.
pub(crate) const DEFAULT_DRAIN: Duration = Duration::from_secs(20);

/// Sets the drain delay and the operator's drain timeout.
pub(crate) fn set_drain(delay: Duration, timeout: Option<Duration>) {
    let milliseconds = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    DRAIN_DELAY.store(milliseconds, Ordering::Relaxed);
    if let Some(timeout) = timeout {
        // Fails if an earlier start of telemetry in this process has set it.
        let _ = DRAIN_TIMEOUT.set(timeout);
    }
}

/// Returns the drain delay.
fn drain_delay() -> Duration {
    Duration::from_millis(DRAIN_DELAY.load(Ordering::Relaxed))
}

/// Returns the operator's drain timeout, which overrides the program's timeout.
pub(crate) fn operators_drain() -> Option<Duration> {
    DRAIN_TIMEOUT.get().copied()
}

/// Returns how long work in flight may take after [`shutdown_signal`].
///
/// `FIRSTLIGHT_DRAIN_TIMEOUT` (milliseconds) sets it. The default is 20 s. `http::serve`, `cron::Scheduler` and
/// `jobs::apalis::Workers` apply it themselves.
pub fn drain_timeout() -> Duration {
    operators_drain().unwrap_or(DEFAULT_DRAIN)
}

/// Runs the tasks of a service, and stops them at the [`shutdown_signal`].
///
/// The tasks are a server, a worker or a scheduler, for example. At the signal the function calls `stop`, which must make
/// the tasks end. The tasks then have [`drain_timeout`] and one more second. Tasks that still run are canceled, with a
/// warning and without an error. If a task fails or panics, the other tasks are canceled and its error is returned.
///
/// ```no_run
/// # async fn example(listener: tokio::net::TcpListener) -> std::io::Result<()> {
/// use std::sync::Arc;
/// use tokio::{sync::Notify, task::JoinSet};
///
/// let stop = Arc::new(Notify::new());
/// let mut tasks = JoinSet::new();
/// let stopped = stop.clone();
/// tasks.spawn(async move {
///     tokio::select! {
///         accepted = listener.accept() => accepted.map(drop),
///         () = stopped.notified() => std::io::Result::Ok(()),
///     }
/// });
/// firstlight::run_until_shutdown(tasks, || stop.notify_waiters()).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// The error of the first task that fails, or its panic.
pub async fn run_until_shutdown<E>(
    tasks: JoinSet<Result<(), E>>,
    stop: impl FnOnce(),
) -> Result<(), E>
where
    E: From<JoinError> + Send + 'static,
{
    run_until(tasks, async {
        shutdown_signal().await;
        stop();
    })
    .await
}

async fn run_until<E>(
    mut tasks: JoinSet<Result<(), E>>,
    stopped: impl Future<Output = ()>,
) -> Result<(), E>
where
    E: From<JoinError> + Send + 'static,
{
    let ended = async {
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(())
    };
    let overdue = async {
        stopped.await;
        // One more second, because a server cancels its requests at the timeout and then needs a moment to end.
        tokio::time::sleep(drain_timeout() + Duration::from_secs(1)).await;
    };
    tokio::select! {
        ended = ended => ended,
        () = overdue => {
            tracing::warn!(
                target: "firstlight",
                "giving up what is still in flight after FIRSTLIGHT_DRAIN_TIMEOUT"
            );
            Ok(())
        }
    }
}

/// Completes at the first SIGTERM or SIGINT.
///
/// Any number of calls may wait. All of them complete at the signal, and a call after the signal completes at once. The
/// first poll of the first call begins to handle signals. [`run_service`] also handles signals that come earlier.
///
/// After it has completed, stop accepting requests, drain, and let the guard flush. `/readyz` answers 503 from the signal
/// on. A second signal ends the process at once, after one log line. The exit code is then 128 plus the signal's number.
/// Signals within 100 ms of the first one are ignored, because GNU `timeout` and some supervisors send two at a time.
///
/// `FIRSTLIGHT_DRAIN_DELAY` (milliseconds, default 0) delays the completion. Kubernetes sends the signal while its load
/// balancers still send requests. If the delay is longer than the load balancers need to notice, no request meets a
/// closed port. The delay should be longer than the readiness probe's period, and 5,000 is a common choice. It must be
/// well below `terminationGracePeriodSeconds`, which the drain and the flush share.
///
/// Kubernetes, systemd and `docker stop` send SIGTERM, and Ctrl-C sends SIGINT. On systems other than Unix, the function
/// completes at Ctrl-C.
///
/// ```no_run
/// # async fn serve(listener: tokio::net::TcpListener, app: axum::Router) -> std::io::Result<()> {
/// // Or `firstlight::http::serve`, whose drain is bounded.
/// axum::serve(listener, app).with_graceful_shutdown(firstlight::shutdown_signal()).await
/// # }
/// ```
pub async fn shutdown_signal() {
    phase::end_start();
    if watcher::start() {
        phase::stopping().await;
    } else {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::future::{pending, ready};

    use super::*;

    fn tasks() -> JoinSet<Result<(), std::io::Error>> {
        let mut tasks = JoinSet::new();
        tasks.spawn(ready(Ok(())));
        tasks
    }

    #[tokio::test]
    async fn run_ends_with_the_last_task() {
        assert!(run_until(tasks(), pending()).await.is_ok());
    }

    #[tokio::test]
    async fn run_fails_with_the_first_task() {
        let mut failing = tasks();
        failing.spawn(pending());
        failing.spawn(ready(Err(std::io::Error::other("no port"))));
        let error = run_until(failing, pending()).await.unwrap_err();
        assert_eq!(error.to_string(), "no port");

        let mut panicking = tasks();
        panicking.spawn(pending());
        panicking.spawn(async { std::panic::resume_unwind(Box::new("on purpose")) });
        let error = run_until(panicking, pending()).await.unwrap_err();
        assert!(error.to_string().contains("panic"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn drain_is_bounded() {
        let mut hanging = tasks();
        hanging.spawn(pending());
        let begin = tokio::time::Instant::now();
        run_until(hanging, ready(())).await.unwrap();
        assert_eq!(begin.elapsed(), drain_timeout() + Duration::from_secs(1));
    }
}
