//! A queue: its name, its latency budget and its histograms.

use std::{borrow::Cow, sync::Arc, time::Duration};

use metrics::{Counter, Gauge};

use crate::{
    catalog,
    metrics::{Durations, Handles, Kept},
};

/// A queue from [`Queue::declare`] that has no latency budget yet.
#[derive(Debug, Clone)]
#[must_use = "a builder is not a queue until it has a latency budget"]
pub struct QueueBuilder {
    name: String,
    system: Cow<'static, str>,
}

impl QueueBuilder {
    /// Sets `messaging.system.name`, such as `apalis`, `nats` or `rabbitmq`.
    ///
    /// The default is `jobs`, because the conventions have no name for a table in the program's own
    /// database.
    pub fn system(mut self, system: impl Into<Cow<'static, str>>) -> Self {
        self.system = system.into();
        self
    }

    /// Sets the age of the oldest waiting job above which an alert should fire.
    ///
    /// The budget is exported as a metric, so that one alert fits every queue of every service. It
    /// has no other effect.
    pub fn latency_budget(self, budget: Duration) -> Queue {
        let queue = self.with_budget(Some(budget));
        queue.export_budget();
        queue
    }

    /// Creates a queue that exists in a store, but that the program does not declare.
    ///
    /// It is only watched, and has no latency budget.
    #[cfg(any(feature = "apalis-postgres", feature = "apalis-sqlite"))]
    pub(super) fn undeclared(self) -> Queue {
        self.with_budget(None)
    }

    fn with_budget(self, budget: Option<Duration>) -> Queue {
        Queue {
            shared: Arc::new(Shared {
                name: self.name,
                system: self.system,
                budget,
                budget_gauge: Kept::new(),
                attempts: Handles::new(&catalog::WORKER_TASKS),
                wait: Durations::new(&catalog::WORKER_TASK_WAIT),
                run: Durations::new(&catalog::WORKER_TASK_RUN),
                accepted_to_done: Durations::new(&catalog::WORKER_TASK_ACCEPTED_TO_DONE),
            }),
        }
    }
}

/// A declared queue, whose jobs are traced and measured.
///
/// Cloning is cheap, and clones are the same queue. Declare a queue once, for example in a
/// `static`. The name is a label, so it must come from the program's source and not from a request.
#[derive(Debug, Clone)]
pub struct Queue {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    name: String,
    system: Cow<'static, str>,
    budget: Option<Duration>,
    budget_gauge: Kept<Gauge>,
    attempts: Handles<Counter>,
    wait: Durations,
    run: Durations,
    accepted_to_done: Durations,
}

impl Queue {
    /// Begins the declaration of the queue with this name.
    ///
    /// The declaration needs a latency budget, because without it no job counts as late.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let emails = firstlight::jobs::Queue::declare("emails").latency_budget(Duration::from_secs(60));
    /// assert_eq!(emails.name(), "emails");
    /// ```
    pub fn declare(name: impl Into<String>) -> QueueBuilder {
        QueueBuilder {
            name: name.into(),
            system: Cow::Borrowed("jobs"),
        }
    }

    /// Returns the name, as in the label `queue`.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    pub(super) fn system(&self) -> &str {
        &self.shared.system
    }

    /// Exports the latency budget, once telemetry runs.
    ///
    /// Each use calls it, because a queue may be a `static` that is declared before telemetry
    /// starts.
    pub(super) fn export_budget(&self) {
        let Some(budget) = self.shared.budget else {
            return;
        };
        let metric = catalog::WORKER_QUEUE_LATENCY_BUDGET;
        let create = || ::metrics::gauge!(metric.name, "queue" => self.name().to_owned());
        (self.shared.budget_gauge).set(create, budget.as_secs_f64());
    }

    pub(super) fn count_attempt(&self, kind: &str, outcome: &str, error_type: Option<&str>) {
        (self.shared.attempts).count(&[Some(self.name()), Some(kind), Some(outcome), error_type]);
    }

    pub(super) fn record_wait(&self, kind: &str, seconds: f64) {
        (self.shared.wait).record(&[Some(self.name()), Some(kind)], seconds);
    }

    pub(super) fn record_run(&self, kind: &str, outcome: &str, seconds: f64) {
        (self.shared.run).record(&[Some(self.name()), Some(kind), Some(outcome)], seconds);
    }

    pub(super) fn record_latency(&self, kind: &str, seconds: f64) {
        (self.shared.accepted_to_done).record(&[Some(self.name()), Some(kind)], seconds);
    }
}
