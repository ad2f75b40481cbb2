//! The exporters of all signals.

use std::{fmt::Debug, sync::Arc};

use super::{flush::Flush, intervals::IntervalsHandle, queue::Queue, stats::ExportStats};
use crate::signal::Signal;

/// A handle on an exporter, used outside its thread.
pub(crate) trait Exporter: Debug + Send + Sync {
    /// Starts sending everything that was recorded before this call.
    fn flush(&self) -> Flush;

    fn stats(&self) -> &Arc<ExportStats>;

    /// Drops and counts everything that is recorded after this call.
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

    /// Does nothing, because metrics are read when they are sent and never wait.
    fn close(&self) {}
}

/// The exporters by signal.
#[derive(Debug, Default)]
pub(crate) struct Exporters {
    /// The exporters in the order of [`Signal::ALL`].
    by_signal: [Option<Box<dyn Exporter>>; 3],
}

impl Exporters {
    pub(crate) fn add(&mut self, signal: Signal, exporter: impl Exporter + 'static) {
        self.by_signal[signal as usize] = Some(Box::new(exporter));
    }

    pub(crate) fn flush(&self, signal: Signal) -> Option<Flush> {
        self.exporter(signal).map(Exporter::flush)
    }

    pub(crate) fn stats(&self, signal: Signal) -> Option<&Arc<ExportStats>> {
        self.exporter(signal).map(Exporter::stats)
    }

    /// Drops and counts spans and log records that are recorded after this call.
    pub(crate) fn close(&self) {
        for exporter in self.by_signal.iter().flatten() {
            exporter.close();
        }
    }

    fn exporter(&self, signal: Signal) -> Option<&dyn Exporter> {
        self.by_signal[signal as usize].as_deref()
    }
}
