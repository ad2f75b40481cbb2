//! Readiness of the process: checks, latches of the start, and draining.
//!
//! All requests within a second share one run of the checks. More probes mean no more load on the checked systems.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
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

/// Whether the process has received the signal to stop.
///
/// Global, because the signal's handler has no access to a guard.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// Records the signal to stop.
pub(crate) fn record_stop_signal() {
    STOPPING.store(true, Ordering::Relaxed);
}

pub(crate) fn is_stopping() -> bool {
    STOPPING.load(Ordering::Relaxed)
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
    /// The names of the latches that are held.
    latches: Vec<String>,
    /// Incremented when a check is added or replaced, which invalidates the last run.
    version: u64,
}

/// One run of all checks.
#[derive(Clone)]
struct Run {
    at: Instant,
    version: u64,
    outcomes: Vec<(String, Result<(), String>)>,
}

/// The answer of `/readyz`.
pub(super) struct Report {
    pub(super) ready: bool,
    /// One line per latch and check.
    pub(super) text: String,
}

/// A latch that keeps `/readyz` at 503 until it is released or dropped.
///
/// Created by [`Readiness::latch`].
#[derive(Debug)]
#[must_use = "dropping the latch releases it; bind it with `let latch = ...`, not `let _ = ...`"]
pub struct Latch {
    name: String,
    readiness: Readiness,
}

impl Latch {
    /// Releases the latch, as dropping it does.
    pub fn release(self) {}
}

impl Drop for Latch {
    fn drop(&mut self) {
        let mut registered = self.readiness.registered();
        if let Some(index) = registered
            .latches
            .iter()
            .position(|name| *name == self.name)
        {
            registered.latches.remove(index);
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

    /// Creates a latch: `/readyz` answers 503 until it is released or dropped.
    ///
    /// A latch suits work that must be done once before the first request, such as migrations or filling a cache. Several
    /// latches may be held at a time, also with the same name.
    ///
    /// Create a latch for the start before telemetry starts. Otherwise a probe may be answered before the latch exists.
    pub fn latch(&self, name: impl Into<String>) -> Latch {
        let name = name.into();
        self.registered().latches.push(name.clone());
        Latch {
            name,
            readiness: self.clone(),
        }
    }

    /// Makes `/readyz` answer 503 from now on, so that traffic goes to other replicas.
    ///
    /// [`shutdown_signal`](crate::shutdown_signal) and the shutdown of the guard call it.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    pub(super) async fn report(&self) -> Report {
        if self.0.draining.load(Ordering::Relaxed) || STOPPING.load(Ordering::Relaxed) {
            return Report {
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
        for name in latches {
            text.push_str(&format!("{name}: not finished\n"));
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
        Report { ready, text }
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

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "a check that panics is one of the cases")]

    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[tokio::test]
    async fn failed_checks_make_it_unready() {
        let readiness = Readiness::default();
        assert!(readiness.report().await.ready, "nothing to check");
        readiness.register("cache", || async { Ok::<_, String>(()) });
        readiness.register("database", || async { Err("refused\nforged: ok") });
        readiness.register("panics", || async {
            if true {
                panic!("on purpose")
            }
            Ok::<_, String>(())
        });
        let report = readiness.report().await;
        assert!(!report.ready);
        assert_eq!(
            report.text,
            "not ready\ncache: ok\ndatabase: refused forged: ok\npanics: panicked\n"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn hanging_checks_fail() {
        let readiness = Readiness::default();
        readiness.register("slow", std::future::pending::<Result<(), String>>);
        assert_eq!(
            readiness.report().await.text,
            "not ready\nslow: no answer within 800 ms\n"
        );
    }

    #[tokio::test]
    async fn draining_turns_readiness_off() {
        let readiness = Readiness::default();
        readiness.clone().drain();
        assert!(!readiness.report().await.ready);
    }

    #[tokio::test(start_paused = true)]
    async fn checks_run_at_most_once_a_second() {
        let readiness = Readiness::default();
        let runs = Arc::new(AtomicUsize::new(0));
        let counter = runs.clone();
        readiness.register("counted", move || {
            counter.fetch_add(1, Ordering::Relaxed);
            async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                Ok::<_, String>(())
            }
        });
        let mut probes = JoinSet::new();
        for _ in 0..50 {
            let readiness = readiness.clone();
            probes.spawn(async move { readiness.report().await.ready });
        }
        // A client that disconnects during the checks does not affect the others.
        let asked = readiness.clone();
        let gone = tokio::spawn(async move { asked.report().await.ready });
        tokio::time::sleep(Duration::from_millis(100)).await;
        gone.abort();
        assert!(probes.join_all().await.into_iter().all(|ready| ready));
        assert_eq!(runs.load(Ordering::Relaxed), 1);
        assert!(readiness.report().await.ready);
        assert_eq!(runs.load(Ordering::Relaxed), 1, "the result is reused");
        tokio::time::sleep(REUSE_TIME).await;
        assert!(readiness.report().await.ready);
        assert_eq!(runs.load(Ordering::Relaxed), 2);
        readiness.register("counted", || async { Err("replaced") });
        assert!(!readiness.report().await.ready, "a new check runs at once");
    }

    #[tokio::test]
    async fn latches_hold_until_released() {
        let readiness = Readiness::default();
        let migrations = readiness.latch("migrations");
        let cache = readiness.latch("cache");
        assert_eq!(
            readiness.report().await.text,
            "not ready\nmigrations: not finished\ncache: not finished\n"
        );
        migrations.release();
        assert_eq!(
            readiness.report().await.text,
            "not ready\ncache: not finished\n"
        );
        drop(cache);
        assert!(readiness.report().await.ready);
    }
}
