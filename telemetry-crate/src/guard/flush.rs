//! The flush of all signals under one deadline.

use std::time::{Duration, Instant};

use super::Parts;
use crate::{
    error::{Lost, LostKind, ShutdownError},
    export::{Flush, LONGEST_DEADLINE, Unsent},
    signal::Signal,
};

/// The share of the deadline that is reserved for log records.
///
/// Log records report the result of the other signals, and are therefore sent last.
const LOG_SHARE: f64 = 0.2;

impl Parts {
    /// Flushes all signals; the log records last, because `report` writes one.
    pub(super) fn flush(
        &self,
        deadline: Duration,
        report: impl FnOnce(&[(Signal, Unsent)]),
    ) -> Result<(), ShutdownError> {
        let deadline = deadline.min(LONGEST_DEADLINE);
        let end = Instant::now() + deadline;
        let dropped_before = self.logs.dropped();
        let exporters = &self.exporters;
        let lost_records = || {
            let stats = exporters.stats(Signal::Logs);
            stats.map_or(0, |stats| stats.total_lost())
        };
        let lost_records_before = lost_records();

        // All flushes start together, so that a signal that hangs takes no time from the other signals.
        let (traces, metrics) = (
            exporters.flush(Signal::Traces),
            exporters.flush(Signal::Metrics),
        );
        let records = exporters.flush(Signal::Logs);
        let first_end = end - deadline.mul_f64(LOG_SHARE);
        let mut unsent = Vec::new();
        let mut wait = |signal, flush: Option<Flush>, end| {
            if let Some(Err(lost)) = flush.map(|flush| flush.wait(end)) {
                unsent.push((signal, lost));
            }
        };
        wait(Signal::Traces, traces, first_end);
        wait(Signal::Metrics, metrics, first_end);
        wait(Signal::Logs, records, first_end);
        report(&unsent);
        let lost_by_first = lost_records() - lost_records_before;
        let last_records = exporters.flush(Signal::Logs);
        let unwritten = self.logs.flush(end);
        let lost_by_last = last_records.and_then(|flush| flush.wait(end).err());
        // The last flush also waits for records that the first one has left in the queue.
        match lost_by_last {
            Some(lost) => {
                unsent.retain(|(signal, _)| *signal != Signal::Logs);
                let count = lost_by_first + lost.count;
                unsent.push((Signal::Logs, Unsent { count, ..lost }));
            }
            None => unsent.retain_mut(|(signal, lost)| {
                if *signal == Signal::Logs {
                    lost.count = lost_by_first;
                }
                lost.count > 0
            }),
        }

        let mut lost = Vec::new();
        for (signal, Unsent { count, cause }) in unsent {
            let since_start = exporters
                .stats(signal)
                .map_or(0, |stats| stats.total_lost());
            lost.push(Lost {
                kind: signal.into(),
                count,
                since_start: since_start.max(count),
                cause,
            });
        }
        let count = unwritten + self.logs.dropped() - dropped_before;
        if count > 0 {
            lost.push(Lost {
                kind: LostKind::LogLines,
                count,
                since_start: self.logs.dropped() + unwritten,
                cause: self.logs.last_error(),
            });
        }
        if lost.is_empty() {
            Ok(())
        } else {
            Err(ShutdownError { deadline, lost })
        }
    }
}
