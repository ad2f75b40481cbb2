//! Whether this process wants traffic: named checks, and a switch for the drain.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{task::JoinSet, time::timeout};

/// Below the one second that Kubernetes gives a probe by default, so that it reads a reason and no time-out.
const CHECK_TIMEOUT: Duration = Duration::from_millis(800);

/// Set by the signal to stop, which knows no guard.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// The process was told to stop.
pub(crate) fn stopping() {
    STOPPING.store(true, Ordering::Relaxed);
}

type Check =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// What `/readyz` answers: 200 while every registered check passes, 503 otherwise and while draining. Clones share it.
///
/// Checks run at each probe, side by side, on the admin listener's runtime; one that takes longer than 800 ms has
/// failed. Check what *this* replica needs and others may have (a warm cache, a connection), not what all replicas
/// share: when a shared database is down, taking every replica out of service helps nobody.
///
/// ```no_run
/// # fn main() -> Result<(), firstlight::InitError> {
/// # async fn ping() -> Result<(), std::io::Error> { Ok(()) }
/// let telemetry = firstlight::init()?;
/// telemetry.readiness().register("database", || async { ping().await });
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Readiness(Arc<Inner>);

#[derive(Default)]
struct Inner {
    draining: AtomicBool,
    checks: Mutex<Vec<(String, Check)>>,
}

pub(super) struct Report {
    pub(super) ready: bool,
    /// One line a check.
    pub(super) text: String,
}

impl Readiness {
    /// Adds a check, or replaces the one of the same name. The error's text is shown to whoever asks `/readyz`.
    pub fn register<C, F, E>(&self, name: impl Into<String>, check: C)
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        let name = name.into();
        let check: Check = Arc::new(move || {
            let outcome = check();
            Box::pin(async move { outcome.await.map_err(|error| error.to_string()) })
        });
        let mut checks = self.0.checks.lock().unwrap_or_else(PoisonError::into_inner);
        match checks.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = check,
            None => checks.push((name, check)),
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
        let checks = self
            .0
            .checks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut running = JoinSet::new();
        for (index, (_, check)) in checks.iter().enumerate() {
            let check = check.clone();
            // Inside the task, so that a check that panics has failed and nothing else.
            running.spawn(async move { (index, timeout(CHECK_TIMEOUT, check()).await) });
        }
        let mut outcomes: Vec<Result<(), String>> = vec![Err("panicked".to_owned()); checks.len()];
        while let Some(result) = running.join_next().await {
            if let Ok((index, outcome)) = result {
                outcomes[index] = outcome.unwrap_or_else(|_| {
                    Err(format!("no answer within {} ms", CHECK_TIMEOUT.as_millis()))
                });
            }
        }

        let ready = outcomes.iter().all(Result::is_ok);
        let mut text = format!("{}\n", if ready { "ready" } else { "not ready" });
        for ((name, _), outcome) in checks.iter().zip(outcomes) {
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

    use super::*;

    #[tokio::test]
    async fn every_check_is_named_and_one_failure_is_enough() {
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
}
