//! What a local root is, and the part of it that changes.

use std::num::NonZeroU32;

use opentelemetry::trace::SpanKind;

use super::{ROOT_SPAN, name::Name};
use crate::recorder::{
    detail::Detail,
    errors::Mark,
    record::{Record, records},
    short_text::ShortText,
};

/// What a root is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::recorder) enum RootKind {
    /// A request that this process serves.
    Server,
    /// An attempt at a job, or another message that this process consumes.
    Consumer,
    /// Any other root span; a scheduled run has a `cron.name`.
    Internal,
}

impl RootKind {
    pub(super) fn of(kind: &SpanKind) -> Self {
        match kind {
            SpanKind::Server => Self::Server,
            SpanKind::Consumer => Self::Consumer,
            _ => Self::Internal,
        }
    }
}

/// The part of a root that changes.
#[derive(Debug)]
pub(in crate::recorder) struct RootState {
    pub(in crate::recorder) name: Name,
    pub(in crate::recorder) detail: Detail,
    /// The number of spans that have started.
    pub(in crate::recorder) spans: u32,
    /// The number of spans, without the root span, that have not ended.
    pub(in crate::recorder) open_spans: u32,
    /// The span that started last; `None` once it has ended, even if others are open.
    pub(in crate::recorder) current: Option<Current>,
    pub(in crate::recorder) last_event: u64,
    pub(in crate::recorder) end: Option<End>,
    /// Whether the name has the route already.
    pub(super) has_route: bool,
    /// The last error that counted in this root.
    pub(super) error: Mark,
    /// Whether the root is a scheduled run.
    pub(in crate::recorder) is_run: bool,
}

impl RootState {
    pub(super) fn new() -> Self {
        Self {
            name: Name::EMPTY,
            detail: Detail::default(),
            spans: 0,
            open_spans: 0,
            current: None,
            last_event: 0,
            end: None,
            has_route: false,
            error: Mark::default(),
            is_run: false,
        }
    }

    /// The whole name of the root; the summary has only the beginning of a long one.
    pub(in crate::recorder) fn whole_name(&self) -> String {
        let name = &self.name;
        if name.is_whole() {
            return name.as_str().to_owned();
        }
        let whole = records(self.detail.bytes()).filter_map(|record| match record {
            Record::Name { span, name } if span == ROOT_SPAN => Some(name),
            _ => None,
        });
        whole.last().unwrap_or(name.as_str()).to_owned()
    }
}

/// The summary of an open span.
#[derive(Debug, Clone, Copy)]
pub(in crate::recorder) struct Current {
    /// The number of the span, which is not the root span.
    span: NonZeroU32,
    pub(in crate::recorder) name: ShortText<31>,
    pub(in crate::recorder) since: u64,
}

impl Current {
    pub(super) fn new(span: u32, name: &str, since: u64) -> Option<Self> {
        Some(Self {
            span: NonZeroU32::new(span)?,
            name: ShortText::new(name),
            since,
        })
    }

    pub(super) fn is(&self, span: u32) -> bool {
        self.span.get() == span
    }
}

/// How and when a root has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::recorder) struct End {
    pub(in crate::recorder) time: u64,
    pub(in crate::recorder) outcome: RootOutcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::recorder) enum RootOutcome {
    Succeeded,
    Failed,
    /// The caller left, or the work was canceled.
    Canceled,
}
