//! The local roots of the process, open and kept, within one budget of bytes.

use std::sync::{
    Arc, Mutex, OnceLock,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use opentelemetry::trace::{SpanId, SpanKind};
use tracing::Level;

use super::{
    budget::Budget,
    errors::{Counted, Errors, Occurrence, Place, is_report},
    failure_log::FailureLog,
    kept::{Class, Ended, Kept},
    losses::Losses,
    open::{ENTRY_BYTES, OpenSpan, OpenSpans},
    root::{End, Name, Root, RootOutcome, SUMMARY_BYTES},
    spin::try_lock,
};
use crate::{
    evidence::{EventNote, RootSink as _, SpanNote, SpanStart},
    values::Kind,
};

/// Maximum number of open local roots.
const MAX_ROOTS: usize = 16_384;

/// The part of the budget that one root may take: 256 KiB of 8 MiB.
const DETAIL_PART: usize = 32;

/// The part of the budget that is made free when it is used up.
const FREED_PART: usize = 16;

/// All local roots that the recorder has.
#[derive(Debug)]
pub(super) struct LocalRoots {
    pub(super) budget: Budget,
    /// Maximum size of the detail of one root in bytes.
    pub(super) max_detail: usize,
    max_roots: usize,
    open: OpenSpans,
    open_roots: AtomicUsize,
    kept: Kept,
    pub(super) errors: Errors,
    pub(super) losses: Losses,
    /// Unset unless `FIRSTLIGHT_LOG_ON_FAILURE` is set.
    failures: OnceLock<FailureLog>,
    /// Whether a record was cut because the budget was used up.
    wants_memory: AtomicBool,
    /// Taken by the thread that makes memory free.
    freeing: Mutex<()>,
}

impl LocalRoots {
    /// Creates the store of a recorder of `bytes` bytes.
    ///
    /// `reserved` of them belong to other parts.
    pub(super) fn new(bytes: usize, reserved: usize) -> Self {
        let bytes = bytes.saturating_sub(reserved);
        Self {
            budget: Budget::new(bytes),
            max_detail: bytes / DETAIL_PART,
            max_roots: MAX_ROOTS.min(bytes / 4 * 3 / (SUMMARY_BYTES + ENTRY_BYTES)),
            open: OpenSpans::new(),
            open_roots: AtomicUsize::new(0),
            kept: Kept::new(),
            errors: Errors::new(bytes),
            losses: Losses::default(),
            failures: OnceLock::new(),
            wants_memory: AtomicBool::new(false),
            freeing: Mutex::new(()),
        }
    }

    /// Writes held events of failed roots to the log; the first call counts.
    pub(super) fn log_failures(&self, failures: FailureLog) {
        let _ = self.failures.set(failures);
    }

    /// The number of held events of failed roots that were not written.
    pub(super) fn withheld(&self) -> u64 {
        self.failures.get().map_or(0, FailureLog::withheld)
    }

    /// Adds a span to the local root of its parent, or begins a local root.
    ///
    /// A server's and a consumer's span is a local root even if its parent is in this process.
    pub(super) fn start(self: &Arc<Self>, span: &SpanStart<'_>) -> Option<SpanNote> {
        self.free_if_wanted();
        let parent = match span.kind {
            SpanKind::Server | SpanKind::Consumer => None,
            _ => span.parent.and_then(|parent| self.open.get(parent)),
        };
        let open = match parent {
            Some(parent) => self.start_child(span, parent),
            None => self.start_root(span),
        }?;
        let note = SpanNote {
            root: open.root.clone(),
            number: open.number,
            span_id: span.span_id,
        };
        if !self.open.insert(span.span_id, open) {
            self.losses.contended();
        }
        Some(note)
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
        let open = event.ids.and_then(|ids| self.open.get(ids.span_id));
        if let (Some(open), Some(ids)) = (&open, event.ids) {
            open.root.event(event, ids.span_id);
            if let Some(error) = error_of_function(event) {
                open.root.fail(open.number, error);
            }
        }
        if event.level == Level::ERROR {
            self.error(event, open.as_ref().map(|open| &*open.root));
        }
        self.free_if_wanted();
    }

    /// Counts the error of an event, unless its root has counted it already.
    fn error(&self, event: &EventNote<'_>, root: Option<&Root>) {
        let mut error = Occurrence::of_event(event);
        let name;
        match root {
            Some(root) if is_report(event.target) => {
                let Some(first) = root.set_first_error() else {
                    return;
                };
                name = first;
                error.place = Place::Root(name.as_str());
            }
            Some(root) if !root.counts_error(&error) => return,
            _ => {}
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
        if end.outcome == RootOutcome::Failed
            && let Some(failures) = self.failures.get()
        {
            failures.write(&root, end.time);
        }
        let ended = Ended { root, name, end };
        let (lost, evicted) = self.kept.add(ended, self.memory_of_kept());
        (0..lost).for_each(|_| self.losses.root());
        (0..evicted).for_each(|_| self.losses.evicted());
    }

    /// Forgets a span that no code refers to.
    pub(super) fn release(&self, span: SpanId) {
        let removed = self.open.remove(span);
        self.budget.release(removed * ENTRY_BYTES);
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

    fn free_if_wanted(&self) {
        if self.wants_memory.load(Ordering::Relaxed) {
            self.free();
        }
    }

    /// Evicts kept roots beyond their share, then the detail of the oldest open roots.
    #[cold]
    fn free(&self) {
        let Some(_freeing) = try_lock(&self.freeing) else {
            return;
        };
        self.wants_memory.store(false, Ordering::Relaxed);
        let target = self.budget.max() - self.budget.max() / FREED_PART;
        let evicted = self.kept.evict(self.memory_of_kept());
        (0..evicted).for_each(|_| self.losses.evicted());
        if self.budget.used() <= target {
            return;
        }
        for root in self.open.try_roots() {
            if root.clear_detail() > 0 {
                self.losses.evicted();
            }
            if self.budget.used() <= target {
                return;
            }
        }
    }

    /// The local roots with a span that code still refers to, the oldest first.
    pub(super) fn open_roots(&self) -> Vec<Arc<Root>> {
        self.open.roots()
    }

    /// The number of open local roots.
    pub(super) fn open_count(&self) -> usize {
        self.open_roots.load(Ordering::Relaxed)
    }

    /// A span that code still refers to.
    pub(super) fn open_span(&self, span: SpanId) -> Option<OpenSpan> {
        self.open.get(span)
    }

    /// The roots of a class, in no order.
    pub(super) fn kept_roots(&self, class: Class) -> Vec<Arc<Root>> {
        self.kept.of(class, self.memory_of_kept())
    }

    #[cfg(test)]
    pub(super) fn kept_names(&self, class: Class) -> usize {
        self.kept.names(class)
    }
}

/// The error that a function returned, in an event of `#[instrument(err)]`.
///
/// Such an event has an error and no message.
fn error_of_function<'a>(event: &EventNote<'a>) -> Option<&'a str> {
    if event.level != Level::ERROR {
        return None;
    }
    let mut fields = event.fields.iter();
    if fields.any(|field| field.kind == Kind::Message) {
        return None;
    }
    let mut fields = event.fields.iter();
    let error = fields.find(|field| matches!(&*field.name, "error" | "err"))?;
    event.text.get(error.text.clone())
}
