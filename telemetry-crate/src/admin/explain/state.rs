//! What the rules look at.

use crate::{
    admin::recent::Live,
    http,
    jobs::{self, UnreadableQueue},
    metrics::SampleList,
    readiness::{ReadinessReport, is_stopping},
    recorder::{ErrorsView, Recorder, RootList, last_words::Writer},
    status::Status,
};

/// The state of the process at one moment.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    /// Nanoseconds since the epoch, like all times.
    pub(super) now: u64,
    pub(super) samples: SampleList,
    /// The oldest first.
    pub(super) open: RootList,
    /// The last one first.
    pub(super) failed: RootList,
    pub(super) has_recorder: bool,
    /// Why the recorder's file cannot be used.
    pub(super) why_without_file: Option<String>,
    pub(super) live: Live,
    pub(super) unreadable: Vec<UnreadableQueue>,
    pub(super) errors: Option<ErrorsView>,
    pub(super) readiness: &'a ReadinessReport,
    /// The parts of telemetry that need attention, with the reason.
    pub(super) telemetry: Vec<(&'static str, String)>,
    /// When a request was last rejected because too many others were open.
    pub(super) last_rejection: Option<u64>,
    /// Whether the process was told to stop.
    pub(super) is_stopping: bool,
    /// How the last process ended, unless its end was clean.
    ///
    /// `None` if it is not known.
    pub(super) previous: Option<Option<String>>,
}

impl<'a> Evidence<'a> {
    pub(super) fn collect(status: &Status, readiness: &'a ReadinessReport) -> Self {
        let recorder = status.recorder();
        Self {
            now: crate::proto::nanos(std::time::SystemTime::now()),
            samples: status.samples(),
            open: recorder.map_or_else(RootList::default, Recorder::open),
            failed: recorder.map_or_else(RootList::default, Recorder::failed),
            has_recorder: recorder.is_some(),
            why_without_file: status.last_words().and_then(Writer::why_without_file),
            live: recorder.map_or_else(Live::default, |recorder| Live::read(status, recorder)),
            unreadable: jobs::unreadable(),
            errors: recorder.map(|recorder| recorder.errors().read()),
            readiness,
            telemetry: status.report().failing(),
            last_rejection: http::last_rejection(),
            is_stopping: is_stopping(),
            previous: status.last_end(),
        }
    }
}
