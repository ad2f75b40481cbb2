//! What runs: one exporter for each signal that is exported.

use std::{fmt::Debug, sync::Arc};

use super::{flush::Flush, intervals::IntervalsHandle, queue::Queue, stats::ExportStats};
use crate::signal::Signal;

/// The end of an exporter that is outside of its thread.
pub(crate) trait Exporter: Debug + Send + Sync {
    /// Begins to send everything that was recorded before this call.
    fn flush(&self) -> Flush;

    fn stats(&self) -> &Arc<ExportStats>;

    /// From here on what is recorded is dropped and counted.
    fn close(&self);
}

impl<T: Send> Exporter for Queue<T> {
    fn flush(&self) -> Flush {
        self.flush()
    }

    fn stats(&self) -> &Arc<ExportStats> {
        self.stats()
    }

    fn close(&self) {
        self.close();
    }
}

impl Exporter for IntervalsHandle {
    fn flush(&self) -> Flush {
        self.flush()
    }

    fn stats(&self) -> &Arc<ExportStats> {
        self.stats()
    }

    /// Metrics are read when they are sent, so none waits.
    fn close(&self) {}
}

/// The exporters by signal.
#[derive(Debug, Default)]
pub(crate) struct Exporters {
    /// In the order of [`Signal::ALL`].
    by_signal: [Option<Box<dyn Exporter>>; 3],
}

impl Exporters {
    pub(crate) fn add(&mut self, signal: Signal, exporter: impl Exporter + 'static) {
        self.by_signal[signal as usize] = Some(Box::new(exporter));
    }

    pub(crate) fn flush(&self, signal: Signal) -> Option<Flush> {
        self.of(signal).map(Exporter::flush)
    }

    pub(crate) fn stats(&self, signal: Signal) -> Option<&Arc<ExportStats>> {
        self.of(signal).map(Exporter::stats)
    }

    /// From here on spans and log records are dropped and counted.
    pub(crate) fn close(&self) {
        for exporter in self.by_signal.iter().flatten() {
            exporter.close();
        }
    }

    fn of(&self, signal: Signal) -> Option<&dyn Exporter> {
        self.by_signal[signal as usize].as_deref()
    }
}
