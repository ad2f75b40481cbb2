//! The thread that runs the exporters.
//!
//! The thread has its own runtime, so the exporters work with any runtime of the application and cannot deadlock with it.
//! Each signal has a task, so a collector that hangs delays only the signal that is exported to it.
//!
//! The thread creates no log lines or spans about itself: events of its libraries are dropped, and its spans are
//! suppressed. The only exceptions are the log lines of [`Health`]. The metrics of the exports come from [`ExportStats`].

use std::{pin::Pin, sync::Arc, thread};

use tracing::{Dispatch, dispatcher};

use super::{
    batches::{Batches, Export},
    health::Health,
    intervals::Intervals,
    stats::ExportStats,
};
use crate::signal::Signal;
use crate::{
    InitError,
    thread::{suppress, suppressed},
};

/// The name of the thread.
const THREAD: &str = "firstlight-otlp";

/// The exporters' tasks, before the thread starts.
#[derive(Default)]
pub(crate) struct ExporterThread {
    tasks: Vec<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// The subscriber to which [`Health`] logs.
    ///
    /// It is the default subscriber of the thread that adds the tasks.
    dispatch: Option<Dispatch>,
}

impl ExporterThread {
    pub(crate) fn add_batches<E: Export>(
        &mut self,
        signal: Signal,
        endpoint: String,
        stats: Arc<ExportStats>,
        batches: Batches<E>,
    ) {
        let health = self.health(signal, endpoint, stats);
        self.tasks.push(Box::pin(batches.run(health)));
    }

    pub(crate) fn add_intervals(&mut self, endpoint: String, intervals: Intervals) {
        let stats = intervals.handle().stats().clone();
        let health = self.health(Signal::Metrics, endpoint, stats);
        self.tasks.push(Box::pin(intervals.run(health)));
    }

    fn health(&mut self, signal: Signal, endpoint: String, stats: Arc<ExportStats>) -> Health {
        let dispatch = self
            .dispatch
            .get_or_insert_with(|| dispatcher::get_default(Clone::clone));
        Health::new(signal, endpoint, stats, dispatch.clone())
    }

    /// Starts the thread if there are tasks.
    pub(crate) fn start(self) -> Result<(), InitError> {
        if self.tasks.is_empty() {
            return Ok(());
        }
        let failed = |reason| InitError::Thread {
            name: THREAD,
            reason,
        };
        let build = || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
        };
        let runtime = suppressed(build).map_err(failed)?;
        thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn(move || {
                suppress();
                let _suppressed = opentelemetry::Context::enter_telemetry_suppressed_scope();
                for task in self.tasks {
                    runtime.spawn(task);
                }
                // The tasks run until the process exits.
                runtime.block_on(std::future::pending::<()>());
            })
            .map(drop)
            .map_err(failed)
    }
}
