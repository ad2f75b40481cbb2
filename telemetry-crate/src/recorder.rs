//! The flight recorder: recent evidence of each local root, in bounded memory.
//!
//! A local root is a request, an attempt at a job, a scheduled run, or any other root span in this process. The recorder
//! keeps its spans and events, whether it is sampled or not: `open` finds the local root of a span, `root` and `detail`
//! hold one root, `kept` chooses which of the ended roots stay, and `view` is what readers get. `errors` groups errors, and
//! `lines` keeps the most recent log lines. Texts are formatted and redacted by traces and logs, before they reach the
//! recorder.

mod atomic;
mod budget;
mod detail;
mod errors;
mod failure_log;
mod kept;
pub(crate) mod last_words;
mod late;
mod lines;
mod list;
mod local_roots;
mod losses;
mod lost;
mod open;
mod record;
mod root;
mod short_text;
mod spin;
mod view;

#[cfg(test)]
mod tests;

use std::{
    cmp::Reverse,
    sync::{Arc, OnceLock},
};

use opentelemetry::trace::{SpanId, TraceId};
use tracing::{Metadata, level_filters::LevelFilter};
use tracing_subscriber::filter::Targets;

#[cfg(feature = "db")]
pub(crate) use self::spin::try_lock;
pub(crate) use self::{
    errors::{ErrorGroup, ErrorPlace, Errors, ErrorsView},
    lines::{Batch, LineCursor, LineFilter, LineView, Lines},
    list::{Found, RootHandle, RootList},
    view::{EventView, RootView, SpanPlace, SpanView},
};
use self::{failure_log::FailureLog, kept::Class, local_roots::LocalRoots, root::Root};
use crate::{
    catalog,
    collector::{Collector, Samples},
    evidence::{EventNote, EventSink, HeldSink, LineNote, SpanNote, SpanSink, SpanStart},
};

/// The part of the bytes that log lines take, in percent: 655 KiB of 8 MiB.
///
/// The smallest recorder then has room for one line of the largest size.
const LINES_PERCENT: usize = 8;

/// The bytes that log lines take.
fn bytes_of_lines(bytes: usize) -> usize {
    bytes / 100 * LINES_PERCENT
}

/// The flight recorder. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    roots: Arc<LocalRoots>,
    lines: Arc<Lines>,
    /// Events that are kept even if the log filter disables them.
    filter: Option<Targets>,
    /// Bytes that are set apart for the history of the console.
    history_bytes: usize,
    /// Set once if the last words have a file.
    last_words: Arc<OnceLock<last_words::Writer>>,
}

impl Recorder {
    /// Creates a recorder that takes at most `bytes` bytes.
    #[cfg(test)]
    pub(crate) fn new(bytes: usize, filter: Option<Targets>) -> Self {
        Self::with_history(bytes, filter, 0)
    }

    /// Creates a recorder of at most `bytes` bytes, `history_bytes` of them set apart.
    pub(crate) fn with_history(
        bytes: usize,
        filter: Option<Targets>,
        history_bytes: usize,
    ) -> Self {
        let lines = Lines::new(bytes_of_lines(bytes));
        let reserved = lines.bytes() + history_bytes;
        Self {
            roots: Arc::new(LocalRoots::new(bytes, reserved)),
            lines: Arc::new(lines),
            filter,
            history_bytes,
            last_words: Arc::default(),
        }
    }

    /// Logs the held events of failed roots that are at least as severe as `level`.
    pub(crate) fn log_failures(&self, level: LevelFilter, sink: Arc<dyn HeldSink>) {
        self.roots.log_failures(FailureLog::new(sink, level));
    }

    /// Keeps the handle of the last words, for readers; the first call counts.
    pub(crate) fn keep_last_words(&self, writer: last_words::Writer) {
        let _ = self.last_words.set(writer);
    }

    /// The last words, of this process and of the last one.
    pub(crate) fn last_words(&self) -> Option<&last_words::Writer> {
        self.last_words.get()
    }

    /// The bytes that the history of the console may take; 0 without one.
    #[cfg(feature = "console")]
    pub(crate) fn history_bytes(&self) -> usize {
        self.history_bytes
    }

    /// The most recent log lines.
    pub(crate) fn lines(&self) -> &Arc<Lines> {
        &self.lines
    }

    /// Whether events are kept that the log filter disables.
    pub(crate) fn has_filter(&self) -> bool {
        self.filter.is_some()
    }

    /// The number of open roots.
    #[cfg(feature = "console")]
    pub(crate) fn open_count(&self) -> usize {
        self.roots.open_count()
    }

    /// The open roots, the oldest first, and ended roots with open spans.
    pub(crate) fn open(&self) -> RootList {
        let mut roots = self.roots.open_roots();
        roots.retain(|root| root.read(|state| state.end.is_none() || state.open_spans > 0));
        RootList::new(roots)
    }

    /// The oldest open roots, and the number of the others.
    ///
    /// The first `whole` of them with their detail, of the others only the summaries.
    pub(crate) fn oldest(&self, most: usize, whole: usize) -> (Vec<RootView>, usize) {
        let roots = self.roots.oldest(most);
        let views = roots.iter().enumerate().map(|(index, root)| {
            if index < whole {
                RootView::of(root)
            } else {
                RootView::summary(root)
            }
        });
        let others = self.roots.open_count().saturating_sub(roots.len());
        (views.collect(), others)
    }

    /// The place of a span that code still refers to.
    pub(crate) fn locate(&self, span: SpanId) -> Option<SpanPlace> {
        let open = self.roots.open_span(span)?;
        Some(SpanPlace::of(&open))
    }

    /// The id and the name of the local root of a span that code still refers to.
    #[cfg(feature = "db")]
    pub(crate) fn root_of(&self, span: SpanId) -> Option<(SpanId, String)> {
        let root = self.roots.open_span(span)?.root;
        Some((root.span_id, RootView::name_of(&root)))
    }

    /// The kept roots that failed, the last one first.
    pub(crate) fn failed(&self) -> RootList {
        self.kept(Class::Failed, |root| Reverse(root.ended()))
    }

    /// The kept roots that were canceled, the last one first.
    pub(crate) fn canceled(&self) -> RootList {
        self.kept(Class::Canceled, |root| Reverse(root.ended()))
    }

    /// The slowest roots of each name, the slowest one first.
    pub(crate) fn slowest(&self) -> RootList {
        let duration = |root: &Root| root.ended().saturating_sub(root.started);
        self.kept(Class::Slowest, |root| Reverse(duration(root)))
    }

    /// A few recent roots of each name, the last one first.
    pub(crate) fn recent(&self) -> RootList {
        self.kept(Class::Recent, |root| Reverse(root.ended()))
    }

    fn kept(&self, class: Class, order: impl Fn(&Root) -> Reverse<u64>) -> RootList {
        let mut roots = self.roots.kept_roots(class);
        roots.sort_by_cached_key(|root| order(root));
        RootList::new(roots)
    }

    /// The errors of the process, in groups.
    pub(crate) fn errors(&self) -> &Errors {
        &self.roots.errors
    }

    /// Counts of what was not kept, by their reason.
    pub(crate) fn losses(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let dropped = [("log_limit", self.roots.dropped_events())];
        self.roots.losses.counts().into_iter().chain(dropped)
    }

    /// All local roots of a trace, in the order of their start.
    pub(crate) fn trace(&self, trace_id: TraceId) -> Vec<RootView> {
        let mut roots = self.roots.open_roots();
        for class in Class::ALL {
            roots.extend(self.roots.kept_roots(class));
        }
        roots.retain(|root| root.trace_id == trace_id);
        roots.sort_by_key(|root| (root.started, root.span_id.to_bytes()));
        roots.dedup_by(|a, b| Arc::ptr_eq(a, b));
        roots.iter().map(|root| RootView::of(root)).collect()
    }
}

impl Collector for Recorder {
    fn collect(&self, samples: &mut dyn Samples) {
        let roots = &self.roots;
        let used = (roots.budget.used() + self.lines.bytes() + self.history_bytes) as f64;
        samples.sample(&catalog::RECORDER_USED, &[], used);
        let open = roots.open_count() as f64;
        samples.sample(&catalog::RECORDER_OPEN_ROOTS, &[], open);
        for (reason, count) in self.losses() {
            samples.sample(
                &catalog::RECORDER_LOSSES,
                &[("reason", reason)],
                count as f64,
            );
        }
    }
}

impl SpanSink for Recorder {
    fn start(&self, span: &SpanStart<'_>) -> Option<SpanNote> {
        self.roots.start(span)
    }

    #[cfg(feature = "db")]
    fn add_ended(
        &self,
        span: &SpanStart<'_>,
        shared: crate::evidence::SharedAttributes<'_>,
        end: std::time::SystemTime,
    ) -> bool {
        self.roots.add_ended(span, shared, crate::proto::nanos(end))
    }
}

impl EventSink for Recorder {
    fn keeps(&self, metadata: &Metadata<'_>) -> bool {
        (self.filter.as_ref())
            .is_some_and(|filter| filter.would_enable(metadata.target(), metadata.level()))
    }

    fn level(&self) -> LevelFilter {
        let Some(filter) = &self.filter else {
            return LevelFilter::OFF;
        };
        // The level of all other targets is not among the pairs.
        let levels = filter.iter().map(|(_, level)| level);
        levels
            .chain(filter.default_level())
            .max()
            .unwrap_or(LevelFilter::OFF)
    }

    fn push(&self, event: &EventNote<'_>) {
        self.roots.event(event);
    }

    fn line(&self, line: &LineNote<'_>) {
        self.lines.push(line, &self.roots.losses);
    }
}
