//! What readers see of a local root.

mod failure;

use std::collections::BTreeMap;

use opentelemetry::trace::{SpanId, TraceId};
use tracing::Level;

use super::{
    open::OpenSpan,
    record::{Record, records},
    root::{ROOT_SPAN, Root, RootKind, RootOutcome, RootState},
};
use crate::{
    evidence::{ASSUMED_STATEMENT, CONNECTION_ACQUIRED},
    targets::is_unit_of_work,
    values::Kind,
};

/// A local root at the moment of a request.
#[derive(Debug, Clone)]
pub(crate) struct RootView {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(super) kind: RootKind,
    pub(crate) name: String,
    /// Nanoseconds since the epoch, like all times.
    pub(crate) started: u64,
    pub(crate) ended: Option<u64>,
    pub(super) outcome: Option<RootOutcome>,
    /// The deepest open span. Without detail, the span that started last.
    pub(crate) waits_in: Option<OpenSpanView>,
    /// The number of open spans below the root span.
    pub(crate) open_spans: u32,
    /// The time of the last event; 0 without one.
    pub(crate) last_event: u64,
    /// The spans by their number.
    pub(crate) spans: BTreeMap<u32, SpanView>,
    pub(crate) events: Vec<EventView>,
    /// The last time at which a connection was acquired for the program.
    ///
    /// Outside instrumented calls and transactions.
    pub(crate) acquired: Option<u64>,
    /// Bytes of detail that were cut.
    pub(crate) cut: u64,
    is_run: bool,
}

/// The summary of an open span.
#[derive(Debug, Clone)]
pub(crate) struct OpenSpanView {
    pub(crate) name: String,
    pub(crate) since: u64,
    /// The attribute that says most about what the span waits for.
    pub(crate) about: Option<(String, String)>,
    /// File and line of the call.
    pub(crate) at: Option<String>,
    /// Whether name and text are those of the previous call from the same place.
    pub(crate) is_assumed: bool,
}

/// A span with its local root, at the moment of a request.
#[derive(Debug, Clone)]
pub(crate) struct SpanPlace {
    pub(crate) trace_id: TraceId,
    /// The id of the root span.
    pub(crate) root: SpanId,
    pub(crate) root_name: String,
    /// `None` for the root span, and for a span whose start was cut.
    pub(crate) span_name: Option<String>,
}

impl SpanPlace {
    pub(super) fn of(open: &OpenSpan) -> Self {
        let root = &open.root;
        let is_below = open.number != ROOT_SPAN;
        Self {
            trace_id: root.trace_id,
            root: root.span_id,
            root_name: RootView::name_of(root),
            span_name: is_below.then(|| name_of_span(root, open.number)).flatten(),
        }
    }
}

/// The name of a span, unless its start was cut.
fn name_of_span(root: &Root, number: u32) -> Option<String> {
    let mut found = None;
    for record in records(&root.bytes_of_detail()) {
        match record {
            Record::Start { span, name, .. } if span == number => found = Some(name.to_owned()),
            Record::Name { span, name } if span == number => {
                found = found.map(|_| name.to_owned());
            }
            _ => {}
        }
    }
    found
}

/// The attributes that say what a span waits for, the best one first.
const ABOUT: [&str; 5] = [
    "db.query.text",
    "db.query.summary",
    "server.address",
    "messaging.destination.name",
    "rpc.method",
];

/// A span of a root.
#[derive(Debug, Clone)]
pub(crate) struct SpanView {
    pub(crate) parent: Option<u32>,
    pub(crate) span_id: SpanId,
    pub(crate) name: String,
    pub(crate) started: u64,
    pub(crate) ended: Option<u64>,
    /// The description of the error status, which may be empty.
    pub(crate) error: Option<String>,
    /// The attributes with their last values.
    pub(crate) attributes: Vec<(String, String)>,
}

/// An event of a root.
#[derive(Debug, Clone)]
pub(crate) struct EventView {
    pub(crate) span_id: SpanId,
    pub(crate) time: u64,
    pub(crate) level: Level,
    pub(crate) target: String,
    pub(crate) message: String,
    pub(crate) fields: Vec<(String, String, Kind)>,
    /// Whether the event is also a log line.
    pub(crate) is_logged: bool,
}

impl RootView {
    /// The root without its spans and events.
    pub(super) fn summary(root: &Root) -> Self {
        root.read(|state| Self::from_state(root, state))
    }

    pub(super) fn name_of(root: &Root) -> String {
        root.read(RootState::whole_name)
    }

    /// The summary of a root that acquired a connection outside of instrumented calls.
    #[cfg(feature = "db")]
    pub(super) fn if_acquired(root: &Root) -> Option<Self> {
        let bytes = root.bytes_of_detail();
        let times = records(&bytes).filter_map(|record| match record {
            Record::Attribute { key, value, .. } if key == CONNECTION_ACQUIRED => {
                Some(value.parse().ok())
            }
            _ => None,
        });
        let acquired = times.last()??;
        let mut view = Self::summary(root);
        view.name = Self::name_of(root);
        view.acquired = Some(acquired);
        Some(view)
    }

    pub(super) fn of(root: &Root) -> Self {
        let mut bytes = Vec::new();
        let mut view = root.read_detail(&mut bytes, |state| Self::from_state(root, state));
        view.spans.insert(ROOT_SPAN, view.root_from_summary());
        for record in records(&bytes) {
            view.add(record);
        }
        // The summary has only the beginning of a long name.
        if let Some(root) = view.spans.get(&ROOT_SPAN) {
            view.name = root.name.clone();
        }
        if let Some(deepest) = view.deepest_open() {
            view.waits_in = Some(deepest);
        }
        view
    }

    fn root_from_summary(&self) -> SpanView {
        SpanView {
            parent: None,
            span_id: self.span_id,
            name: self.name.clone(),
            started: self.started,
            ended: self.ended,
            error: None,
            attributes: Vec::new(),
        }
    }

    fn from_state(root: &Root, state: &RootState) -> Self {
        Self {
            trace_id: root.trace_id,
            span_id: root.span_id,
            kind: root.kind,
            name: state.name.as_str().to_owned(),
            started: root.started,
            ended: state.end.map(|end| end.time),
            outcome: state.end.map(|end| end.outcome),
            waits_in: state.current.map(|current| OpenSpanView {
                name: current.name.as_str().to_owned(),
                since: current.since,
                about: None,
                at: None,
                is_assumed: false,
            }),
            open_spans: state.open_spans,
            last_event: state.last_event,
            spans: BTreeMap::new(),
            events: Vec::new(),
            acquired: None,
            cut: state.detail.cut(),
            is_run: state.is_run,
        }
    }

    fn add(&mut self, record: Record<'_>) {
        match record {
            Record::Start {
                span,
                parent,
                span_id,
                time,
                name,
            } => {
                let view = SpanView {
                    parent,
                    span_id,
                    name: name.to_owned(),
                    started: time,
                    ended: None,
                    error: None,
                    attributes: Vec::new(),
                };
                self.spans.insert(span, view);
            }
            Record::Name { span, name } => {
                self.change(span, |span| span.name = name.to_owned());
            }
            Record::Attribute {
                key: CONNECTION_ACQUIRED,
                value,
                ..
            } => self.acquired = value.parse().ok(),
            Record::Attribute {
                span,
                key: ASSUMED_STATEMENT,
                value: "false",
            } => self.change(span, |span| {
                span.attributes.retain(|(key, _)| key != ASSUMED_STATEMENT);
            }),
            Record::Attribute { span, key, value } => self.change(span, |span| {
                let same = span.attributes.iter_mut().find(|(other, _)| other == key);
                match same {
                    Some((_, old)) => *old = value.to_owned(),
                    None => span.attributes.push((key.to_owned(), value.to_owned())),
                }
            }),
            Record::Failed { span, description } => {
                self.change(span, |span| span.error = Some(description.to_owned()));
            }
            Record::Succeeded { span } => self.change(span, |span| span.error = None),
            Record::End { span, time } => self.change(span, |span| span.ended = Some(time)),
            Record::Event(event) => self.events.push(EventView {
                span_id: event.span_id,
                time: event.time,
                level: event.level,
                target: event.target.to_owned(),
                message: event.message.to_owned(),
                fields: (event.fields.iter())
                    .map(|(name, value, kind)| ((*name).to_owned(), (*value).to_owned(), *kind))
                    .collect(),
                is_logged: event.is_logged,
            }),
        }
    }

    /// Changes a span whose start was not cut.
    fn change(&mut self, span: u32, change: impl FnOnce(&mut SpanView)) {
        if let Some(span) = self.spans.get_mut(&span) {
            change(span);
        }
    }

    /// The last started of the deepest open spans.
    fn deepest_open(&self) -> Option<OpenSpanView> {
        let open = (self.spans.iter()).filter(|(_, span)| span.ended.is_none());
        let below_root = open.filter(|(_, span)| span.parent.is_some());
        let deepest = below_root.max_by_key(|(number, _)| (self.depth(**number), **number));
        deepest.map(|(_, span)| OpenSpanView {
            name: span.name.clone(),
            since: span.started,
            about: span.about(),
            at: span.place(),
            is_assumed: span.attribute(ASSUMED_STATEMENT).is_some(),
        })
    }

    fn depth(&self, mut span: u32) -> usize {
        let mut depth = 0;
        // A parent has a smaller number than its child, so this ends.
        while let Some(parent) = self.spans.get(&span).and_then(|view| view.parent) {
            if parent >= span {
                break;
            }
            span = parent;
            depth += 1;
        }
        depth
    }

    /// Whether the root has ended and some of its spans have not.
    pub(crate) fn has_outliving_spans(&self) -> bool {
        self.ended.is_some() && self.open_spans > 0
    }

    /// What the root is, in one word.
    pub(crate) fn kind(&self) -> &'static str {
        match self.kind {
            _ if self.is_run => "run",
            RootKind::Server => "request",
            RootKind::Consumer => "job",
            RootKind::Internal => "span",
        }
    }

    /// Whether the root, or a span that outlives it, has not ended.
    pub(crate) fn is_open(&self) -> bool {
        self.ended.is_none() || self.has_outliving_spans()
    }

    /// Whether the root has failed or was canceled.
    pub(crate) fn is_unsuccessful(&self) -> bool {
        matches!(
            self.outcome,
            Some(RootOutcome::Failed | RootOutcome::Canceled)
        )
    }

    /// `open`, or how the root ended, in one word.
    pub(crate) fn outcome(&self) -> &'static str {
        match self.outcome {
            None => "open",
            Some(RootOutcome::Succeeded) => "ok",
            Some(RootOutcome::Failed) => "failed",
            Some(RootOutcome::Canceled) => "canceled",
        }
    }

    /// An attribute of the root span, or else a field of the root's last line.
    ///
    /// Attributes that the line has as well are recorded only for failures.
    pub(crate) fn at_end(&self, key: &str) -> Option<&str> {
        let attribute = self.root_span().and_then(|span| span.attribute(key));
        let mut events = self.events.iter().rev();
        let line = || {
            events
                .find(|event| is_unit_of_work(&event.target))?
                .field(key)
        };
        attribute.or_else(line)
    }

    /// The root span, if it was not cut.
    pub(crate) fn root_span(&self) -> Option<&SpanView> {
        self.spans.get(&0)
    }
}

impl SpanView {
    pub(crate) fn attribute(&self, key: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        attributes.find_map(|(other, value)| (other == key).then_some(&**value))
    }

    /// The file and the line of the call.
    fn place(&self) -> Option<String> {
        let file = self.attribute("code.file.path")?;
        let line = self.attribute("code.line.number");
        Some(line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}")))
    }

    fn about(&self) -> Option<(String, String)> {
        ABOUT
            .iter()
            .find_map(|key| Some(((*key).to_owned(), self.attribute(key)?.to_owned())))
    }
}
