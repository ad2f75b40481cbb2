//! One local root: its summary and its detail.

mod name;
mod sink;
mod state;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use opentelemetry::trace::{SpanId, TraceId};

use self::state::Current;
pub(super) use self::{
    name::Name,
    state::{End, RootKind, RootOutcome, RootState},
};
#[cfg(feature = "db")]
use super::record::{copy_attributes, write_attributes};
use super::{
    detail::{Added, Addition, Limits},
    errors::{Failure, Occurrence},
    local_roots::LocalRoots,
    record::{EventSize, Head, Record, write_event},
    spin::try_lock,
};
#[cfg(feature = "db")]
use crate::evidence::SharedAttributes;
use crate::{
    evidence::{EventNote, SpanStart},
    proto::nanos,
};

/// Maximum size of the summary of a root in bytes, with its reference counts.
pub(super) const SUMMARY_BYTES: usize = 256;

const _: () = assert!(size_of::<Root>() + 2 * size_of::<usize>() <= SUMMARY_BYTES);

/// A local root with its summary, which is always there, and its detail.
#[derive(Debug)]
pub(super) struct Root {
    roots: Arc<LocalRoots>,
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    /// Nanoseconds since the epoch.
    pub(super) started: u64,
    pub(super) kind: RootKind,
    /// Whether the root span has the status error.
    ///
    /// Beside the state, because a failure must not be lost while the state is locked.
    is_failed: AtomicBool,
    /// Whether the root has an `error.type`.
    ///
    /// The root of a caller that left has one without the status error.
    has_error_type: AtomicBool,
    /// Whether the root has ended.
    ///
    /// Beside the state, because a reader looks for the oldest open roots among all of them.
    has_ended: AtomicBool,
    /// Whether a change was lost because the state was locked.
    has_lost: AtomicBool,
    state: Mutex<RootState>,
}

impl Root {
    pub(super) fn new(roots: Arc<LocalRoots>, span: &SpanStart<'_>) -> Self {
        Self {
            roots,
            trace_id: span.trace_id,
            span_id: span.span_id,
            started: nanos(span.time),
            kind: RootKind::of(&span.kind),
            is_failed: AtomicBool::new(false),
            has_error_type: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            has_lost: AtomicBool::new(false),
            state: Mutex::new(RootState::new()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, RootState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `read` with the state; waits for the lock, so only readers call it.
    pub(super) fn read<T>(&self, read: impl FnOnce(&RootState) -> T) -> T {
        read(&self.lock())
    }

    /// The same as [`read`](Self::read), with a copy of the detail.
    pub(super) fn read_detail<T>(
        &self,
        bytes: &mut Vec<u8>,
        read: impl FnOnce(&RootState) -> T,
    ) -> T {
        // Memory is allocated without the lock, so that it is held only for the copy.
        bytes.reserve(self.read(|state| state.detail.bytes().len()));
        let state = self.lock();
        bytes.extend_from_slice(state.detail.bytes());
        read(&state)
    }

    /// A copy of the detail, so that the root is locked only for a moment.
    ///
    /// Waits for the lock, so only readers call it.
    pub(super) fn bytes_of_detail(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.read_detail(&mut bytes, |_| ());
        bytes
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }

    /// The time of the end; 0 for an open root.
    pub(super) fn ended(&self) -> u64 {
        self.read(|state| state.end.map_or(0, |end| end.time))
    }

    /// Changes the state, unless it stays locked.
    fn change<T>(&self, change: impl FnOnce(&mut RootState) -> T) -> Option<T> {
        let state = try_lock(&self.state);
        if state.is_none() {
            self.lose();
            self.roots.losses.contended();
        }
        state.map(|mut state| change(&mut state))
    }

    /// Notes that something of this root was lost.
    pub(super) fn lose(&self) {
        self.has_lost.store(true, Ordering::Relaxed);
    }

    /// Adds a record, which `write` writes.
    ///
    /// It returns the bytes that it has cut off values.
    fn add(
        &self,
        state: &mut RootState,
        record: Addition,
        write: impl FnOnce(&mut Vec<u8>) -> usize,
    ) {
        let roots = &self.roots;
        let limits = Limits {
            budget: &roots.budget,
            max: roots.max_detail,
            losses: &roots.losses,
        };
        if state.detail.add(limits, record, write) == Added::NoBudget {
            roots.want_memory();
        }
    }

    fn add_record(&self, state: &mut RootState, record: &Record<'_>) {
        self.add(state, record.into(), |out| record.write(out));
    }

    /// Adds a span, and returns its number.
    pub(super) fn start(&self, parent: Option<u32>, start: &SpanStart<'_>) -> Option<u32> {
        self.change(|state| self.add_span(state, parent, start))
    }

    /// Adds a span that has ended already.
    #[cfg(feature = "db")]
    pub(super) fn add_ended(
        &self,
        parent: u32,
        start: &SpanStart<'_>,
        shared: SharedAttributes<'_>,
        end: u64,
    ) {
        // Not under the lock, because another thread may be writing them.
        let records = shared.kept.get_or_init(|| write_attributes(shared.visit));
        self.change(|state| {
            let span = self.begin_span(state, Some(parent), start);
            let addition = Addition {
                size: records.bytes.len(),
                records: records.count,
                cut: 0,
                head: Head::Other,
            };
            self.add(state, addition, |out| {
                copy_attributes(out, records, span);
                0
            });
            self.set_attributes(state, span, start);
            self.end_child(state, span, end);
        });
    }

    fn add_span(&self, state: &mut RootState, parent: Option<u32>, start: &SpanStart<'_>) -> u32 {
        let span = self.begin_span(state, parent, start);
        self.set_attributes(state, span, start);
        span
    }

    /// Adds a span without its attributes.
    fn begin_span(&self, state: &mut RootState, parent: Option<u32>, start: &SpanStart<'_>) -> u32 {
        let span = state.spans;
        state.spans = state.spans.saturating_add(1);
        let time = if parent.is_some() {
            nanos(start.time)
        } else {
            self.started
        };
        if parent.is_some() {
            state.open_spans += 1;
            state.current = Current::new(span, start.name, time);
            let record = Record::Start {
                span,
                parent,
                span_id: start.span_id,
                time,
                name: start.name,
            };
            self.add_record(state, &record);
        } else {
            // The summary has the rest.
            self.set_name(state, start.name);
        }
        span
    }

    fn set_attributes(&self, state: &mut RootState, span: u32, start: &SpanStart<'_>) {
        (start.attributes)(&mut |key, value, cut| {
            self.set_attribute(state, span, (key, value), cut);
        });
    }

    /// Sets an attribute, off whose value `cut` bytes were cut before.
    fn set_attribute(
        &self,
        state: &mut RootState,
        span: u32,
        (key, value): (&str, &str),
        cut: usize,
    ) {
        if span == ROOT_SPAN {
            match key {
                // The name of a request consists of its method and route.
                "http.request.method" if self.kind == RootKind::Server => {
                    return state.name = Name::new(value);
                }
                "http.route" if self.kind == RootKind::Server => {
                    if !state.has_route {
                        state.has_route = true;
                        self.add_route(state, value);
                    }
                    return;
                }
                "error.type" => self.has_error_type.store(true, Ordering::Relaxed),
                "cron.name" => state.is_run = true,
                _ => {}
            }
        }
        let record = Record::Attribute { span, key, value };
        let addition = Addition {
            cut,
            ..Addition::from(&record)
        };
        self.add(state, addition, |out| record.write(out));
    }

    /// Sets the name of the root.
    ///
    /// Only a long name needs a record, because the summary has the others.
    fn set_name(&self, state: &mut RootState, name: &str) {
        state.name = Name::new(name);
        if !state.name.is_whole() {
            let span = ROOT_SPAN;
            self.add_record(state, &Record::Name { span, name });
        }
    }

    fn add_route(&self, state: &mut RootState, route: &str) {
        if !state.name.try_append(route) {
            let name = format!("{} {route}", state.whole_name());
            self.set_name(state, &name);
        }
    }

    /// Adds an event of this root.
    pub(super) fn event(&self, event: &EventNote<'_>, span_id: SpanId) {
        let size = EventSize::of(event);
        let addition = Addition {
            size: size.bytes,
            records: 1,
            cut: 0,
            head: Head::Other,
        };
        self.change(|state| {
            state.last_event = event.time;
            self.add(state, addition, |out| {
                write_event(out, event, span_id, size)
            });
        });
    }

    /// A copy of the detail; `None` if the root stays locked.
    pub(super) fn copy_detail(&self) -> Option<Vec<u8>> {
        self.change(|state| state.detail.bytes().to_vec())
    }

    /// The name of the root if an error counts, and `None` if not.
    ///
    /// It counts unless it repeats the last error of the root. If the state is locked, it is lost, because without the name
    /// it would be in another group, as if it were new.
    pub(super) fn count_error(&self, error: &Occurrence<'_>) -> Option<String> {
        self.change(|state| state.error.set(error).then(|| state.whole_name()))?
    }

    /// The name of the root, if no error has counted in it.
    ///
    /// The next error then is not the first one.
    pub(super) fn set_first_error(&self) -> Option<String> {
        self.change(|state| state.error.set_first().then(|| state.whole_name()))?
    }

    /// Removes the detail; returns the number of bytes that are free again.
    pub(super) fn clear_detail(&self) -> usize {
        self.change(|state| state.detail.clear(&self.roots.budget))
            .unwrap_or_default()
    }

    /// Returns unused memory of a root that has ended.
    pub(super) fn shrink(&self) {
        self.change(|state| state.detail.shrink(&self.roots.budget));
    }

    /// The bytes that this root takes; `None` if it stays locked.
    pub(super) fn try_bytes(&self) -> Option<usize> {
        let state = try_lock(&self.state)?;
        Some(SUMMARY_BYTES + state.detail.capacity())
    }

    /// Whether the root has detail; `false` if it stays locked.
    pub(super) fn has_detail(&self) -> bool {
        self.try_bytes().is_some_and(|bytes| bytes > SUMMARY_BYTES)
    }

    /// Ends a span; returns `false` if the root stays locked.
    pub(super) fn try_end(self: &Arc<Self>, span: u32, time: u64) -> bool {
        let Some(mut state) = try_lock(&self.state) else {
            return false;
        };
        if span != ROOT_SPAN {
            self.end_child(&mut state, span, time);
            return true;
        }
        if state.end.is_some() {
            return true;
        }
        let is_set = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        let outcome = match (is_set(&self.is_failed), is_set(&self.has_error_type)) {
            (true, _) => RootOutcome::Failed,
            (false, true) => RootOutcome::Canceled,
            (false, false) => RootOutcome::Succeeded,
        };
        let end = End { time, outcome };
        state.end = Some(end);
        // What was lost may have been the error, or its type.
        let is_whole = !is_set(&self.has_lost);
        let is_error = outcome == RootOutcome::Failed && !state.error.has_error() && is_whole;
        let failure = is_error.then(|| {
            let failure = Failure::of(state.detail.bytes(), ROOT_SPAN);
            (state.whole_name(), failure)
        });
        let name = state.name;
        drop(state);
        self.has_ended.store(true, Ordering::Relaxed);
        if let Some((name, failure)) = failure {
            let error = Occurrence::of_root(&name, self.trace_id, time, &failure);
            self.roots.count_error(&error);
        }
        self.roots.keep(self.clone(), name, end);
        true
    }

    fn end_child(&self, state: &mut RootState, span: u32, time: u64) {
        self.add_record(state, &Record::End { span, time });
        state.open_spans = state.open_spans.saturating_sub(1);
        if state.current.is_some_and(|current| current.is(span)) {
            state.current = None;
        }
    }
}

/// The number of the root span.
pub(super) const ROOT_SPAN: u32 = 0;

impl Drop for Root {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let bytes = SUMMARY_BYTES + state.detail.capacity();
        self.roots.budget.release(bytes);
    }
}
