//! Whether this process wants traffic: named checks, latches until the start is finished, and a switch for the drain.
//!
//! Asking is cheap: all requests within a second share one run of the checks, so that a load balancer with
//! many probes is no load on the database that it asks about.

use std::{
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

use crate::values::printed;

/// Below the one second that Kubernetes gives a probe by default, so that it reads a reason and no time-out.
const CHECK_TIMEOUT: Duration = Duration::from_millis(800);

/// For so long a run of the checks is news. Probes ask every few seconds each; there may be many of them.
const FRESH: Duration = Duration::from_secs(1);

/// Set by the signal to stop, which knows no guard.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// The process was told to stop.
pub(crate) fn stopping() {
    STOPPING.store(true, Ordering::Relaxed);
}

pub(crate) fn is_stopping() -> bool {
    STOPPING.load(Ordering::Relaxed)
}

type Check =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// What `/readyz` answers: 200 while every registered check passes and no latch is held, 503 otherwise and while
/// draining. Clones share it.
///
/// Checks run on request, at most once a second however many requests there are, side by side, on the admin listener's runtime;
/// one that takes longer than 800 ms has failed. Check what *this* replica needs and others may have: a warm cache, a
/// connection. What all replicas share takes all of them out of service when it is down: a check of the database is for services
/// that can do nothing without, so that a version that cannot reach it never takes over, and it should not wait for the pool, or
/// a busy minute looks the same. `/livez` never depends on any of it.
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
    /// Held during a run, so that a request meanwhile waits for it instead of starting another.
    last: tokio::sync::Mutex<Option<Run>>,
}

#[derive(Default)]
struct Registered {
    checks: Vec<(String, Check)>,
    /// Names of what the start still waits for.
    latches: Vec<String>,
    /// Grows when a check is added or replaced: a run of the old ones is no news then.
    version: u64,
}

/// One run of all checks.
#[derive(Clone)]
struct Run {
    at: Instant,
    version: u64,
    outcomes: Vec<(String, Result<(), String>)>,
}

pub(super) struct Report {
    pub(super) ready: bool,
    /// One line a latch and a check.
    pub(super) text: String,
}

/// Keeps `/readyz` at 503 until it is released or dropped.
///
/// Made by [`Readiness::latch`].
#[derive(Debug)]
#[must_use = "dropping the latch releases it; bind it with `let latch = ...`, not `let _ = ...`"]
pub struct Latch {
    name: String,
    readiness: Readiness,
}

impl Latch {
    /// What it stands for is done. Dropping it does the same.
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
    /// Without checks and latches: ready.
    ///
    /// Give it to [`TelemetryConfig::readiness`](crate::TelemetryConfig::readiness), so that its checks and latches hold from the
    /// first answer on; [`TelemetryGuard::readiness`](crate::TelemetryGuard::readiness) returns that of a running telemetry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check, or replaces the one of the same name. The error's text is in the answer of `/readyz`.
    pub fn register<C, F, E>(&self, name: impl Into<String>, check: C)
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        let name = name.into();
        let check: Check = Arc::new(move || {
            let outcome = check();
            Box::pin(async move {
                let outcome = outcome.await;
                outcome.map_err(|error| printed(format_args!("{error}")))
            })
        });
        let mut registered = self.registered();
        registered.version += 1;
        let known = registered
            .checks
            .iter_mut()
            .find(|(known, _)| *known == name);
        let replaced = match known {
            Some((_, known)) => Some(std::mem::replace(known, check)),
            None => {
                registered.checks.push((name, check));
                None
            }
        };
        // What it has captured may be a latch, whose end asks for the lock.
        drop(registered);
        drop(replaced);
    }

    /// Not ready until the latch is released or dropped: for what must be done once before traffic comes, such as
    /// migrations or a cache that must be warm. Several may be held at a time, also under one name.
    ///
    /// A latch for the start is taken before telemetry starts. Once it runs, a probe may be answered before the latch is taken.
    pub fn latch(&self, name: impl Into<String>) -> Latch {
        let name = name.into();
        self.registered().latches.push(name.clone());
        Latch {
            name,
            readiness: self.clone(),
        }
    }

    /// From here on `/readyz` answers 503: traffic goes elsewhere while this process finishes what it has.
    ///
    /// [`shutdown_signal`](crate::shutdown_signal) and the guard's shutdown do this by themselves.
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
        // In a task of its own: a client that goes away must not end a run that others wait for.
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
                // One line a check, whatever its error says.
                Err(reason) => {
                    text.push_str(&format!("{name}: {}\n", reason.replace(['\n', '\r'], " ")))
                }
            }
        }
        Report { ready, text }
    }

    /// The last run if it is still news, otherwise a new one.
    async fn run(&self) -> Run {
        let mut last = self.0.last.lock().await;
        let (checks, version) = {
            let registered = self.registered();
            (registered.checks.clone(), registered.version)
        };
        if let Some(run) = &*last
            && run.version == version
            && run.at.elapsed() < FRESH
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

/// All checks side by side, each with its time-out.
async fn run_all(checks: Vec<(String, Check)>) -> Vec<(String, Result<(), String>)> {
    let mut running = JoinSet::new();
    for (index, (_, check)) in checks.iter().enumerate() {
        let check = check.clone();
        // Inside the task, so that a check that panics has failed and nothing else.
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
    async fn one_failed_check_makes_it_unready() {
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
    async fn a_check_that_hangs_has_failed() {
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
        // One that goes away while the checks run ends nothing for the others.
        let asked = readiness.clone();
        let gone = tokio::spawn(async move { asked.report().await.ready });
        tokio::time::sleep(Duration::from_millis(100)).await;
        gone.abort();
        assert!(probes.join_all().await.into_iter().all(|ready| ready));
        assert_eq!(runs.load(Ordering::Relaxed), 1);
        assert!(readiness.report().await.ready);
        assert_eq!(runs.load(Ordering::Relaxed), 1, "still news");
        tokio::time::sleep(FRESH).await;
        assert!(readiness.report().await.ready);
        assert_eq!(runs.load(Ordering::Relaxed), 2);
        readiness.register("counted", || async { Err("replaced") });
        assert!(
            !readiness.report().await.ready,
            "the new check is asked at once"
        );
    }

    #[tokio::test]
    async fn latch_is_unready_until_released() {
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
