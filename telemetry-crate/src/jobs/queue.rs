//! A queue: its name, its budget, and the histograms of everything that happens in it.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::{
    catalog,
    metrics::{Durations, is_recorded},
};

/// A queue that has a name and no budget yet. Made by [`Queue::declare`].
#[derive(Debug, Clone)]
#[must_use = "a queue is there once it has a latency budget"]
pub struct Declaration {
    name: String,
    system: Cow<'static, str>,
}

impl Declaration {
    /// What the queue is made of, as `messaging.system.name` on the spans: `apalis`, `nats`, `rabbitmq`. By default `jobs`, because
    /// a table in the program's own database has no name in the conventions.
    pub fn system(mut self, system: impl Into<Cow<'static, str>>) -> Self {
        self.system = system.into();
        self
    }

    /// How old the oldest waiting job may become before the operator must be told. It is exported, so that one alert fits every
    /// queue of every service; nothing else follows from it here.
    pub fn latency_budget(self, budget: Duration) -> Queue {
        let queue = self.with_budget(Some(budget));
        queue.export_budget();
        queue
    }

    /// A queue that is found in a store, and that this program does not know: watched, and late by no measure.
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
                is_exported: AtomicBool::new(false),
                wait: Durations::new(&catalog::WORKER_TASK_WAIT),
                run: Durations::new(&catalog::WORKER_TASK_RUN),
                accepted_to_done: Durations::new(&catalog::WORKER_TASK_ACCEPTED_TO_DONE),
            }),
        }
    }
}

/// A queue that is measured. Cheap to clone; the clones are the same queue.
///
/// Declare it once, whichever way the program finds it again: the name is a label, so it comes from the program's source and
/// not from a request.
#[derive(Debug, Clone)]
pub struct Queue {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    name: String,
    system: Cow<'static, str>,
    budget: Option<Duration>,
    is_exported: AtomicBool,
    wait: Durations,
    run: Durations,
    accepted_to_done: Durations,
}

impl Queue {
    /// Begins to declare the queue of that name. It needs a latency budget, because a queue without one is late by
    /// no measure.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let emails = firstlight::jobs::Queue::declare("emails").latency_budget(Duration::from_secs(60));
    /// assert_eq!(emails.name(), "emails");
    /// ```
    pub fn declare(name: impl Into<String>) -> Declaration {
        Declaration {
            name: name.into(),
            system: Cow::Borrowed("jobs"),
        }
    }

    /// The name, as it is in the label `queue`.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    pub(super) fn system(&self) -> &str {
        &self.shared.system
    }

    /// A queue may be a `static` that is declared before telemetry starts, so each use asks again.
    pub(super) fn export_budget(&self) {
        let Some(budget) = self.shared.budget else {
            return;
        };
        if self.shared.is_exported.load(Ordering::Relaxed) {
            return;
        }
        let metric = catalog::WORKER_QUEUE_LATENCY_BUDGET;
        let gauge = ::metrics::gauge!(metric.name, "queue" => self.name().to_owned());
        gauge.set(budget.as_secs_f64());
        if is_recorded(&gauge) {
            self.shared.is_exported.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn waited(&self, kind: &str, seconds: f64) {
        (self.shared.wait).record(&[Some(self.name()), Some(kind)], seconds);
    }

    pub(super) fn ran(&self, kind: &str, outcome: &str, seconds: f64) {
        (self.shared.run).record(&[Some(self.name()), Some(kind), Some(outcome)], seconds);
    }

    pub(super) fn done(&self, kind: &str, seconds: f64) {
        (self.shared.accepted_to_done).record(&[Some(self.name()), Some(kind)], seconds);
    }
}
