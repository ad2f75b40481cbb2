//! The local roots of the process, open and kept, within one budget of bytes.

#[cfg(test)]
mod inspection;
mod late_work;

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use opentelemetry::trace::{SpanId, SpanKind};
use tracing::Level;

pub(super) use self::late_work::LateWork;
use super::{
    budget::Budget,
    detail::MAX_DETAIL,
    errors::{Counted, Errors, Occurrence, Place, error_of_function, is_report},
    failure_log::FailureLog,
    kept::{Class, Ended, Kept},
    late::Late,
    losses::Losses,
    lost::LostSpans,
    open::{ENTRY_BYTES, Locked, OpenSpan, OpenSpans, SMALL_TABLES},
    root::{End, Name, Root, RootOutcome, SUMMARY_BYTES},
    spin::try_lock,
};
use crate::evidence::{EventNote, RootSink as _, SpanNote, SpanStart};

/// Maximum number of open local roots.
const MAX_ROOTS: usize = 16_384;

/// The part of the budget for the detail of one root: about 230 KiB by default.
const DETAIL_PART: usize = 32;

/// Size in bytes of what does not grow.
const FIXED_BYTES: usize = size_of::<LocalRoots>() + SMALL_TABLES;

/// The part of the bytes for what is not counted.
///
/// This is work that is done later, and memory that is freed at once, such as a table while it grows.
const UNCOUNTED_PART: usize = 64;

/// The part of the budget that is made free when it is used up.
const FREED_PART: usize = 16;

/// The pause after an attempt to make memory free that made less free.
///
/// An attempt looks at all open roots.
const PAUSE: Duration = Duration::from_millis(100);

/// All local roots that the recorder has.
#[derive(Debug)]
pub(super) struct LocalRoots {
    pub(super) budget: Budget,
    /// Maximum size of the detail of one root in bytes.
    pub(super) max_detail: usize,
    max_roots: usize,
    open: OpenSpans,
    lost: LostSpans,
    open_roots: AtomicUsize,
    kept: Kept,
    pub(super) errors: Errors,
    pub(super) losses: Losses,
    /// Unset unless `FIRSTLIGHT_LOG_ON_FAILURE` is set.
    failures: OnceLock<FailureLog>,
    late: Late<LateWork>,
    /// Whether a record was cut because the budget was used up.
    wants_memory: AtomicBool,
    /// The end of the pause in which no memory is made free.
    ///
    /// Taken by the thread that makes memory free.
    pause: Mutex<Option<Instant>>,
}

impl LocalRoots {
    /// Creates the store of a recorder of `bytes` bytes.
    ///
    /// `reserved` of them belong to other parts.
    pub(super) fn new(bytes: usize, reserved: usize) -> Self {
        let bytes = bytes.saturating_sub(reserved);
        let bytes = (bytes - bytes / UNCOUNTED_PART).saturating_sub(FIXED_BYTES);
        Self {
            budget: Budget::new(bytes),
            max_detail: (bytes / DETAIL_PART).min(MAX_DETAIL),
            max_roots: MAX_ROOTS.min(bytes / 4 * 3 / (SUMMARY_BYTES + ENTRY_BYTES)),
            open: OpenSpans::new(),
            lost: LostSpans::new(),
            open_roots: AtomicUsize::new(0),
            kept: Kept::new(),
            errors: Errors::new(bytes),
            losses: Losses::default(),
            failures: OnceLock::new(),
            late: Late::new(),
            wants_memory: AtomicBool::new(false),
            pause: Mutex::new(None),
        }
    }

    /// Logs held events of failed roots; the first call counts.
    pub(super) fn log_failures(&self, failures: FailureLog) {
        let _ = self.failures.set(failures);
    }

    /// The number of held events of failed roots that were dropped because of a limit.
    pub(super) fn dropped_events(&self) -> u64 {
        self.failures.get().map_or(0, FailureLog::dropped)
    }

    /// Adds a span to the local root of its parent, or begins a local root.
    ///
    /// A server's and a consumer's span is a local root even if its parent is in this process.
    pub(super) fn start(self: &Arc<Self>, span: &SpanStart<'_>) -> Option<SpanNote> {
        self.catch_up();
        let parent = match span.kind {
            SpanKind::Server | SpanKind::Consumer => None,
            _ => span.parent,
        };
        let open = match parent.map(|parent| (parent, self.open.try_get(parent))) {
            Some((_, Ok(Some(parent)))) => self.start_child(span, parent),
            Some((_, Err(Locked))) => {
                self.losses.contended();
                None
            }
            Some((parent, Ok(None))) if self.lost.contains(parent) => {
                self.losses.span();
                None
            }
            Some((_, Ok(None))) | None => self.start_root(span),
        };
        let Some(open) = open else {
            self.lost.add(span.span_id);
            return None;
        };
        let note = SpanNote {
            root: open.root.clone(),
            number: open.number,
            span_id: span.span_id,
        };
        if let Err(open) = self.open.try_insert(span.span_id, open) {
            // Until it is there, its children and events are lost.
            self.lost.add(span.span_id);
            let span = span.span_id;
            self.later(LateWork::Insert { span, open });
        }
        Some(note)
    }

    /// Adds a span that has ended already to the local root of its parent.
    ///
    /// Returns whether the parent is known.
    #[cfg(feature = "db")]
    pub(super) fn add_ended(
        &self,
        span: &SpanStart<'_>,
        shared: crate::evidence::SharedAttributes<'_>,
        end: u64,
    ) -> bool {
        self.catch_up();
        let parent = span.parent.map(|parent| self.open.try_get(parent));
        let Some(Ok(Some(parent))) = parent else {
            return false;
        };
        parent.root.add_ended(parent.number, span, shared, end);
        true
    }

    fn start_child(&self, span: &SpanStart<'_>, parent: OpenSpan) -> Option<OpenSpan> {
        if !self.budget.reserve(ENTRY_BYTES) {
            self.want_memory();
            self.losses.span();
            return None;
        }
        let OpenSpan { root, number } = parent;
        let number = root.start(Some(number), span);
        if number.is_none() {
            self.budget.release(ENTRY_BYTES);
        }
        Some(OpenSpan {
            root,
            number: number?,
        })
    }

    fn start_root(self: &Arc<Self>, span: &SpanStart<'_>) -> Option<OpenSpan> {
        if self.open_roots.fetch_add(1, Ordering::Relaxed) >= self.max_roots {
            self.open_roots.fetch_sub(1, Ordering::Relaxed);
            self.losses.root();
            return None;
        }
        let bytes = SUMMARY_BYTES + ENTRY_BYTES;
        if !self.budget.reserve(bytes) {
            self.free();
            if !self.budget.reserve(bytes) {
                self.open_roots.fetch_sub(1, Ordering::Relaxed);
                self.losses.root();
                return None;
            }
        }
        let root = Arc::new(Root::new(self.clone(), span));
        let number = root.start(None, span).unwrap_or_default();
        Some(OpenSpan { root, number })
    }

    /// Adds an event to the local root of its span.
    pub(super) fn event(&self, event: &EventNote<'_>) {
        let open = event.ids.map(|ids| self.open.try_get(ids.span_id));
        let Ok(open) = open.unwrap_or(Ok(None)) else {
            self.losses.contended();
            let span = event.ids.map(|ids| ids.span_id);
            span.into_iter()
                .for_each(|span| self.later(LateWork::Lose(span)));
            return self.catch_up();
        };
        if let (Some(open), Some(ids)) = (&open, event.ids) {
            open.root.event(event, ids.span_id);
            if let Some(error) = error_of_function(event) {
                open.root.fail(open.number, error);
            }
        }
        // The report of a root that is not known would be an error of firstlight.
        let is_known = open.is_some() || !is_report(event.target);
        if event.level == Level::ERROR && is_known {
            self.error(event, open.as_ref().map(|open| &*open.root));
        }
        self.catch_up();
    }

    /// Counts the error of an event, unless its root has counted it already.
    fn error(&self, event: &EventNote<'_>, root: Option<&Root>) {
        let mut error = Occurrence::of_event(event);
        let name;
        if let Some(root) = root {
            let is_report = is_report(event.target);
            let counting = if is_report {
                root.set_first_error()
            } else {
                root.count_error(&error)
            };
            let Some(counting) = counting else {
                return;
            };
            name = counting;
            if is_report {
                error.place = Place::Root(&name);
            } else {
                error.set_root(&name);
            }
        }
        self.count_error(&error);
    }

    /// Counts an error in its group.
    pub(super) fn count_error(&self, error: &Occurrence<'_>) {
        let mut counted = self.errors.count(error, &self.budget);
        if counted == Counted::NoMemory {
            self.free();
            counted = self.errors.count(error, &self.budget);
        }
        match counted {
            Counted::Yes => {}
            Counted::Contended => self.losses.contended(),
            Counted::NoMemory => self.losses.error(),
        }
    }

    /// Keeps a root that has ended.
    pub(super) fn keep(&self, root: Arc<Root>, name: Name, end: End) {
        self.open_roots.fetch_sub(1, Ordering::Relaxed);
        if end.outcome != RootOutcome::Succeeded
            && let Some(failures) = self.failures.get()
        {
            failures.write(&root);
        }
        let ended = Ended { root, name, end };
        if let Err(ended) = self.try_keep(ended) {
            self.later(LateWork::Keep(ended));
        }
    }

    /// Returns the root if the table of kept roots is locked.
    fn try_keep(&self, ended: Ended) -> Result<(), Ended> {
        let evicted = (self.kept).try_add(ended, self.memory_of_kept(), &self.budget)?;
        self.losses.evicted(evicted.roots);
        if evicted.lacks_memory {
            self.want_memory();
        }
        Ok(())
    }

    /// The memory of which the classes of kept roots have their shares.
    ///
    /// The summaries of open roots come first.
    fn memory_of_kept(&self) -> usize {
        let summaries = self.open_roots.load(Ordering::Relaxed) * (SUMMARY_BYTES + ENTRY_BYTES);
        self.budget.max().saturating_sub(summaries)
    }

    /// Asks for memory, which is made free as soon as no lock of the recorder is held.
    pub(super) fn want_memory(&self) {
        self.wants_memory.store(true, Ordering::Relaxed);
    }

    /// Evicts kept roots beyond their share, then the detail of the oldest open roots.
    #[cold]
    fn free(&self) {
        let Some(mut pause) = try_lock(&self.pause) else {
            return;
        };
        self.wants_memory.store(false, Ordering::Relaxed);
        if pause.is_some_and(|end| Instant::now() < end) {
            return;
        }
        let target = self.budget.max() - self.budget.max() / FREED_PART;
        let evicted = (self.kept).try_evict(self.memory_of_kept(), &self.budget);
        self.losses.evicted(evicted);
        while self.budget.used() > target {
            let mut freed = 0;
            for root in self.open.try_oldest() {
                let bytes = root.clear_detail();
                if bytes > 0 {
                    self.losses.evicted(1);
                }
                freed += bytes;
                if self.budget.used() <= target {
                    break;
                }
            }
            if freed == 0 {
                break;
            }
        }
        *pause = (self.budget.used() > target).then(|| Instant::now() + PAUSE);
    }

    /// The local roots with a span that code still refers to, the oldest first.
    pub(super) fn open_roots(&self) -> Vec<Arc<Root>> {
        self.catch_up();
        self.open.roots()
    }

    /// At most `most` of the open local roots, the oldest first.
    pub(super) fn oldest(&self, most: usize) -> Vec<Arc<Root>> {
        self.catch_up();
        self.open.oldest(most)
    }

    /// The number of open local roots.
    pub(super) fn open_count(&self) -> usize {
        self.catch_up();
        self.open_roots.load(Ordering::Relaxed)
    }

    /// A span that code still refers to; `None` also if its shard stays locked.
    pub(super) fn open_span(&self, span: SpanId) -> Option<OpenSpan> {
        self.open.try_get(span).ok()?
    }

    /// The roots of a class, in no order.
    pub(super) fn kept_roots(&self, class: Class) -> Vec<Arc<Root>> {
        self.catch_up();
        self.kept.of(class)
    }
}
