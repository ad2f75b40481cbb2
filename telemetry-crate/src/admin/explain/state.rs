//! What the rules look at.

use crate::{
    admin::recent::Live,
    metrics::SampleList,
    readiness::ReadinessReport,
    recorder::{ErrorsView, RootView},
    status::Status,
};

/// The number of open and of failed roots that are looked at.
const ROOTS: usize = 200;

/// The state of the process at one moment.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    /// Nanoseconds since the epoch, like all times.
    pub(super) now: u64,
    pub(super) samples: SampleList,
    pub(super) open: Vec<RootView>,
    pub(super) failed: Vec<RootView>,
    pub(super) has_recorder: bool,
    pub(super) live: Live,
    pub(super) errors: Option<ErrorsView>,
    pub(super) readiness: &'a ReadinessReport,
    /// The parts of telemetry that need attention, with the reason.
    pub(super) telemetry: Vec<(&'static str, String)>,
    /// How the last process ended, unless it was clean or long ago.
    pub(super) previous: Option<String>,
}

impl<'a> Evidence<'a> {
    pub(super) fn collect(status: &Status, readiness: &'a ReadinessReport) -> Self {
        let recorder = status.recorder();
        Self {
            now: crate::proto::nanos(std::time::SystemTime::now()),
            samples: status.samples(),
            open: recorder.map_or_else(Vec::new, |recorder| recorder.open(ROOTS).roots),
            failed: recorder.map_or_else(Vec::new, |recorder| recorder.failed(ROOTS).roots),
            has_recorder: recorder.is_some(),
            live: recorder.map_or_else(Live::default, |recorder| Live::read(status, recorder)),
            errors: recorder.map(|recorder| recorder.errors().read()),
            readiness,
            telemetry: status.report().failing(),
            previous: status.bad_end(),
        }
    }
}
