//! Readiness of the process: checks, latches for start-up work, and draining.
//!
//! All requests within a second share one run of the checks. So further probes add no load to the
//! checked systems.

#[cfg(test)]
mod tests;

use std::{
    error::Error,
    fmt,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

use crate::values::text_of;

/// The timeout of a check.
///
/// It is below the default timeout of a Kubernetes probe, 1 s, so that the probe reads the reason of the failure.
const CHECK_TIMEOUT: Duration = Duration::from_millis(800);

/// The time for which the result of a run is reused.
///
/// Many probes may ask at about the same time, each of them every few seconds.
const REUSE_TIME: Duration = Duration::from_secs(1);

/// When the process has received the signal to stop.
///
/// Global, because the signal's handler has no access to a guard.
static STOPPING_SINCE: OnceLock<SystemTime> = OnceLock::new();

/// Records the signal to stop.
pub(crate) fn record_stop_signal() {
    // Only the first signal counts.
    let _ = STOPPING_SINCE.set(SystemTime::now());
}

pub(crate) fn is_stopping() -> bool {
    STOPPING_SINCE.get().is_some()
}

/// When the process was told to stop.
pub(crate) fn stopping_since() -> Option<SystemTime> {
    STOPPING_SINCE.get().copied()
}

type Check =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// The readiness of the process, as `/readyz` reports it.
///
/// `/readyz` answers 200 while every check passes and no latch is held. It answers 503 otherwise and while draining.
/// Clones share the state.
///
/// Checks run concurrently on the admin listener's runtime, when a request comes and at most once a second. A check
/// that takes longer than 800 ms has failed.
///
/// Check what *this* replica needs and other replicas may have, such as a warm cache or a connection. A check of a system
/// that all replicas share takes all replicas out of service when the system is down. Check the database only if the
/// service can do nothing without it: a new version that cannot reach the database then never replaces the old version.
/// Such a check should not wait for the connection pool, because a busy minute would look like an outage. `/livez` does
/// not depend on checks.
///
/// ```no_run
/// use firstlight::{Readiness, TelemetryConfig};
///
/// # fn main() -> Result<(), firstlight::InitError> {
/// # async fn ping() -> Result<(), std::io::Error> { Ok(()) }
/// # fn migrate() {}
/// let readiness = Readiness::new();
/// readiness.register("database", || async { ping().await });
/// let migrations = readiness.latch("migrations");
///
/// let telemetry = TelemetryConfig::new().readiness(readiness).init()?;
/// migrate();
/// migrations.release();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Readiness(Arc<Inner>);

#[derive(Default)]
struct Inner {
    draining: AtomicBool,
    registered: Mutex<Registered>,
    /// The last run; it is locked during a run, so that concurrent requests wait.
    last: tokio::sync::Mutex<Option<Run>>,
}

#[derive(Default)]
struct Registered {
    checks: Vec<(String, Check)>,
    /// The latches that were not released, in the order in which they were created.
    latches: Vec<Unreleased>,
    /// Incremented when a check is added or replaced, which invalidates the last run.
    version: u64,
}

/// A latch that is held, or that was dropped before its release.
#[derive(Clone, PartialEq, Eq)]
struct Unreleased {
    name: String,
    is_dropped: bool,
}

/// One run of all checks.
#[derive(Clone)]
struct Run {
    at: Instant,
    version: u64,
    outcomes: Vec<(String, Result<(), String>)>,
}

/// The answer of `/readyz`.
#[derive(Debug)]
pub(crate) struct ReadinessReport {
    pub(crate) ready: bool,
    /// The state, then one line per latch and check.
    pub(crate) text: String,
}

/// A latch that keeps `/readyz` at 503 until it is released.
///
/// Created by [`Readiness::latch`]. If it is dropped without a release, its work has failed, and `/readyz` stays at 503.
#[derive(Debug)]
#[must_use = "a latch that is dropped without `release()` keeps the process unready"]
pub struct Latch {
    name: String,
    readiness: Readiness,
    is_released: bool,
}

impl Latch {
    /// Releases the latch: its work is done.
    pub fn release(mut self) {
        self.is_released = true;
    }
}

impl Drop for Latch {
    fn drop(&mut self) {
        let mut registered = self.readiness.registered();
        let latches = &mut registered.latches;
        // Any held latch of this name, because latches of one name have equal lines in the report.
        let held = |it: &Unreleased| it.name == self.name && !it.is_dropped;
        let Some(index) = latches.iter().position(held) else {
            return;
        };
        let latch = latches.remove(index);
        let dropped = Unreleased {
            is_dropped: true,
            ..latch
        };
        // One entry per name, so that many dropped latches do not take more memory.
        if !self.is_released && !latches.contains(&dropped) {
            latches.push(dropped);
        }
    }
}

impl Readiness {
    /// Creates a readiness without checks and latches, which is ready.
    ///
    /// Pass it to [`TelemetryConfig::readiness`](crate::TelemetryConfig::readiness), so that its checks and latches
    /// apply to the first answer. [`TelemetryGuard::readiness`](crate::TelemetryGuard::readiness) returns the readiness
    /// of running telemetry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check, or replaces the check of the same name.
    ///
    /// The response of `/readyz` contains the text of the check's error and of its causes.
    pub fn register<C, F, E>(&self, name: impl Into<String>, check: C)
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let name = name.into();
        let check: Check = Arc::new(move || {
            let outcome = check();
            Box::pin(async move {
                let outcome = outcome.await;
                outcome.map_err(text_of)
            })
        });
        let mut registered = self.registered();
        registered.version += 1;
        let existing = registered
            .checks
            .iter_mut()
            .find(|(existing, _)| *existing == name);
        let replaced = match existing {
            Some((_, existing)) => Some(std::mem::replace(existing, check)),
            None => {
                registered.checks.push((name, check));
                None
            }
        };
        // The lock is released first, because the replaced check may own a latch, whose `Drop` takes the lock.
        drop(registered);
        drop(replaced);
    }

    /// Creates a latch: `/readyz` answers 503 until it is released.
    ///
    /// A latch suits work that must be done once before the first request, such as migrations or filling a cache. Several
    /// latches may be held at a time, also with the same name. A latch that is dropped without a release, as by `?` in a failed
    /// start, keeps `/readyz` at 503 until the process ends.
    ///
    /// Create a latch for the start before telemetry starts. Otherwise a probe may be answered before the latch exists.
    pub fn latch(&self, name: impl Into<String>) -> Latch {
        let name = name.into();
        self.registered().latches.push(Unreleased {
            name: name.clone(),
            is_dropped: false,
        });
        Latch {
            name,
            readiness: self.clone(),
            is_released: false,
        }
    }

    /// Makes `/readyz` answer 503 from now on, so that traffic goes to other replicas.
    ///
    /// [`shutdown_signal`](crate::shutdown_signal) and the shutdown of the guard call it.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    pub(super) async fn report(&self) -> ReadinessReport {
        if self.0.draining.load(Ordering::Relaxed) || is_stopping() {
            return ReadinessReport {
                ready: false,
                text: "not ready: draining\n".to_owned(),
            };
        }
        // The run is a task, so that a client that disconnects does not end a run for which other clients wait.
        let this = self.clone();
        let run = tokio::spawn(async move { this.run().await });
        let outcomes = match run.await {
            Ok(run) => run.outcomes,
            // The runtime is being shut down.
            Err(_) => vec![("checks".to_owned(), Err("were not run".to_owned()))],
        };

        let latches = self.registered().latches.clone();
        let ready = latches.is_empty() && outcomes.iter().all(|(_, outcome)| outcome.is_ok());
        let mut text = format!("{}\n", if ready { "ready" } else { "not ready" });
        for Unreleased { name, is_dropped } in latches {
            let state = if is_dropped {
                "failed: its latch was dropped without a release"
            } else {
                "not finished"
            };
            text.push_str(&format!("{name}: {state}\n"));
        }
        for (name, outcome) in outcomes {
            match outcome {
                Ok(()) => text.push_str(&format!("{name}: ok\n")),
                // An error may have several lines; the report has one per check.
                Err(reason) => {
                    text.push_str(&format!("{name}: {}\n", reason.replace(['\n', '\r'], " ")))
                }
            }
        }
        ReadinessReport { ready, text }
    }

    /// Returns the last run if it is recent, and otherwise runs the checks.
    async fn run(&self) -> Run {
        let mut last = self.0.last.lock().await;
        let (checks, version) = {
            let registered = self.registered();
            (registered.checks.clone(), registered.version)
        };
        if let Some(run) = &*last
            && run.version == version
            && run.at.elapsed() < REUSE_TIME
        {
            return run.clone();
        }
        let at = Instant::now();
        let run = Run {
            at,
            version,
            outcomes: run_all(checks).await,
        };
        *last = Some(run.clone());
        run
    }

    fn registered(&self) -> MutexGuard<'_, Registered> {
        self.0
            .registered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs all checks concurrently, each with its timeout.
async fn run_all(checks: Vec<(String, Check)>) -> Vec<(String, Result<(), String>)> {
    let mut running = JoinSet::new();
    for (index, (_, check)) in checks.iter().enumerate() {
        let check = check.clone();
        // `check()` is called inside the task, so that a panic fails only that check.
        running.spawn(async move { (index, timeout(CHECK_TIMEOUT, check()).await) });
    }
    let mut outcomes: Vec<(String, Result<(), String>)> = checks
        .into_iter()
        .map(|(name, _)| (name, Err("panicked".to_owned())))
        .collect();
    while let Some(result) = running.join_next().await {
        if let Ok((index, outcome)) = result {
            outcomes[index].1 = outcome.unwrap_or_else(|_| {
                Err(format!("no answer within {} ms", CHECK_TIMEOUT.as_millis()))
            });
        }
    }
    outcomes
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness")
            .field("draining", &self.0.draining)
            .finish_non_exhaustive()
    }
}
