//! The traits through which signals report to the flight recorder.
//!
//! Traces report each span here, and logs report each event. The recorder implements the traits. So no signal imports
//! another one, and the wiring connects them.

#[cfg(feature = "db")]
use std::sync::OnceLock;
use std::{
    borrow::Cow,
    cell::Cell,
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use opentelemetry::trace::{SpanId, SpanKind, TraceId};
use tracing::{Level, Metadata, level_filters::LevelFilter};

use crate::{
    span_ids::SpanIds,
    values::{Kind, TextField},
};

/// Whether a flight recorder keeps spans, also those that are not sampled.
///
/// Global, because an OpenTelemetry span handle cannot tell whether a recorder keeps it.
static IS_ON: AtomicBool = AtomicBool::new(false);

pub(crate) fn turn_on() {
    IS_ON.store(true, Ordering::Relaxed);
}

pub(crate) fn is_on() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

/// The receivers of what is written to spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Receivers {
    All,
    Export,
    Recorder,
}

thread_local! {
    static RECEIVERS: Cell<Receivers> = const { Cell::new(Receivers::All) };
}

fn write_for(receivers: Receivers, write: impl FnOnce()) {
    let before = RECEIVERS.replace(receivers);
    // Also after a panic.
    let _restored = Restored(before);
    write();
}

/// Restores the receivers on drop.
struct Restored(Receivers);

impl Drop for Restored {
    fn drop(&mut self) {
        RECEIVERS.set(self.0);
    }
}

/// Runs `write`, whose attributes are exported and not recorded.
pub(crate) fn for_export_only(write: impl FnOnce()) {
    write_for(Receivers::Export, write);
}

/// Runs `write`, whose attributes and names are recorded and not exported.
///
/// For what is assumed of a span that is still open, and for where its code is.
#[cfg(feature = "db")]
pub(crate) fn for_recorder_only(write: impl FnOnce()) {
    write_for(Receivers::Recorder, write);
}

/// Whether the thread is in [`for_export_only`].
pub(crate) fn is_for_export_only() -> bool {
    RECEIVERS.get() == Receivers::Export
}

/// Whether the thread writes for the recorder alone.
pub(crate) fn is_for_recorder_only() -> bool {
    RECEIVERS.get() == Receivers::Recorder
}

/// The attribute of a call whose statement is not known yet.
///
/// The statement is assumed to be that of the previous call from the same place. The value is `false` once it is known.
pub(crate) const ASSUMED_STATEMENT: &str = "sql.statement.assumed";

/// The attribute with the time at which code in the span acquired a connection.
///
/// In nanoseconds since the epoch.
pub(crate) const CONNECTION_ACQUIRED: &str = "sql.connection.acquired";

/// The attribute of a request that the server has rejected, with the limit.
pub(crate) const SERVE_LIMIT: &str = "serve.limit";

/// Maximum length of the value of an attribute in a recorder, in bytes.
///
/// Longer values are cut before they are searched for secrets.
pub(crate) const MAX_VALUE: usize = 4 * 1024;

/// Receives the spans of the process, sampled or not.
///
/// Called inside the program's calls, so an implementation must neither block nor log.
pub(crate) trait SpanSink: Debug + Send + Sync {
    /// Reports the start of a span.
    ///
    /// Returns `None` if the span cannot be kept.
    fn start(&self, span: &SpanStart<'_>) -> Option<SpanNote>;

    /// Reports a child span that has ended already, to which no code refers.
    ///
    /// Returns whether its parent is kept. If it is not, [`start`](Self::start) decides what becomes of the span.
    #[cfg(feature = "db")]
    fn add_ended(
        &self,
        span: &SpanStart<'_>,
        shared: SharedAttributes<'_>,
        end: SystemTime,
    ) -> bool;
}

/// Attributes that many spans have, before those of the span itself.
///
/// The recorder takes their keys and values as they are.
#[cfg(feature = "db")]
#[derive(Clone, Copy)]
pub(crate) struct SharedAttributes<'a> {
    pub(crate) visit: &'a dyn Fn(VisitText<'_>),
    /// What the recorder has made of them at the first span.
    pub(crate) kept: &'a OnceLock<AttributeRecords>,
}

/// Attributes as the recorder stores them.
#[cfg(feature = "db")]
#[derive(Debug)]
pub(crate) struct AttributeRecords {
    pub(crate) bytes: Box<[u8]>,
    pub(crate) count: u32,
}

/// A span that starts.
pub(crate) struct SpanStart<'a> {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    /// The parent's id; `None` at the root of a trace.
    pub(crate) parent: Option<SpanId>,
    pub(crate) kind: SpanKind,
    pub(crate) name: &'a str,
    /// Visits the attributes, as text and without secrets.
    pub(crate) attributes: &'a dyn Fn(VisitText<'_>),
    pub(crate) time: SystemTime,
}

/// A callback that receives keys and values as text.
///
/// Its last argument is the number of bytes that were cut off the value.
pub(crate) type VisitText<'a> = &'a mut dyn FnMut(&str, &str, usize);

/// The handle of a span that the recorder keeps.
///
/// Dropping it tells the recorder that no code refers to the span any more.
#[derive(Debug)]
pub(crate) struct SpanNote {
    /// The local root of the span.
    pub(crate) root: Arc<dyn RootSink>,
    /// The number of the span among the spans of its root.
    pub(crate) number: u32,
    pub(crate) span_id: SpanId,
}

impl SpanNote {
    pub(crate) fn rename(&self, name: &str) {
        self.root.rename(self.number, name);
    }

    /// Reports an attribute, as text and without secrets.
    ///
    /// `cut` bytes were cut off the value before.
    pub(crate) fn set(&self, key: &str, value: &str, cut: usize) {
        self.root.set(self.number, key, value, cut);
    }

    /// Reports the error status.
    pub(crate) fn fail(&self, description: &str) {
        self.root.fail(self.number, description);
    }

    /// Reports the status Ok.
    pub(crate) fn succeed(&self) {
        self.root.succeed(self.number);
    }

    pub(crate) fn end(&self, time: SystemTime) {
        self.root.clone().end(self.number, time);
    }
}

impl Drop for SpanNote {
    fn drop(&mut self) {
        self.root.release(self.span_id);
    }
}

/// Receives what happens to the spans of one local root.
pub(crate) trait RootSink: Debug + Send + Sync {
    fn rename(&self, span: u32, name: &str);
    fn set(&self, span: u32, key: &str, value: &str, cut: usize);
    fn fail(&self, span: u32, description: &str);
    /// Reports the status Ok, which overrides an error.
    fn succeed(&self, span: u32);
    fn end(self: Arc<Self>, span: u32, time: SystemTime);
    /// Reports that no code refers to the span any more.
    fn release(&self, span: SpanId);
}

/// Receives the events of failed roots that were not log lines.
pub(crate) trait HeldSink: Debug + Send + Sync {
    fn write(&self, event: &HeldEvent<'_>);
}

/// An event of a failed root that was not a log line.
#[derive(Debug)]
pub(crate) struct HeldEvent<'a> {
    pub(crate) ids: SpanIds,
    /// Nanoseconds since the epoch.
    pub(crate) time: u64,
    pub(crate) level: Level,
    pub(crate) target: &'a str,
    pub(crate) message: &'a str,
    pub(crate) fields: &'a [(&'a str, &'a str, Kind)],
}

/// Receives the events of the process.
///
/// Called inside the program's calls, so an implementation must neither block nor log.
pub(crate) trait EventSink: Debug + Send + Sync {
    /// Whether events of this metadata are kept even if the log filter disables them.
    fn keeps(&self, metadata: &Metadata<'_>) -> bool;
    /// The most verbose level of the events that [`keeps`](Self::keeps) names.
    fn level(&self) -> LevelFilter;
    fn push(&self, event: &EventNote<'_>);
    /// Reports a log line, whether it is written or dropped.
    ///
    /// The calls are in the order of the lines.
    fn line(&self, line: &LineNote<'_>);
}

/// A log line as it is written.
pub(crate) struct LineNote<'a> {
    pub(crate) level: Level,
    pub(crate) target: LineTarget<'a>,
    /// The trace of the event's span; `None` outside any span.
    pub(crate) trace_id: Option<TraceId>,
    /// The bytes of the line with its newline.
    pub(crate) text: &'a [u8],
}

/// The target of a log line.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LineTarget<'a> {
    /// The target of a callsite, which need not be copied.
    Static(&'static str),
    /// The target of a record of the `log` crate.
    Text(&'a str),
}

/// An event, with its values as text and without secrets.
pub(crate) struct EventNote<'a> {
    /// Nanoseconds since the epoch.
    pub(crate) time: u64,
    pub(crate) level: Level,
    pub(crate) target: &'a str,
    /// The ids of the event's span; `None` outside any span.
    pub(crate) ids: Option<SpanIds>,
    /// All values, one after the other, with the message as one of them.
    pub(crate) text: &'a str,
    /// The event's fields in the order of their values, without those of its spans.
    pub(crate) fields: &'a [TextField<Cow<'static, str>>],
    /// Whether the event is also a log line.
    pub(crate) is_logged: bool,
    /// Where the event is logged, for an error.
    pub(crate) place: Option<EventPlace<'a>>,
}

/// The place of an event in the source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventPlace<'a> {
    pub(crate) file: Option<&'a str>,
    pub(crate) line: Option<u32>,
    /// The name of the event's span.
    pub(crate) span: Option<&'static str>,
}
