//! Where and why a local root failed.

use std::collections::BTreeMap;

use tracing::Level;

use super::{EventView, RootView};
use crate::{
    evidence::SERVE_LIMIT,
    recorder::{errors::is_report, root::ROOT_SPAN},
};

/// The summary of the span in which a root failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailedSpanView {
    pub(crate) name: String,
    /// `None` if neither the span nor its root has ended.
    pub(crate) ended: Option<u64>,
    /// The attribute that says most about what the span did.
    pub(crate) about: Option<(String, String)>,
    /// File and line of the call.
    pub(crate) at: Option<String>,
    pub(crate) error_type: Option<String>,
    /// The description of the error status.
    pub(crate) error: Option<String>,
}

impl RootView {
    /// The innermost span of the path on which the root failed.
    ///
    /// Returns `None` if no span is marked as failed.
    ///
    /// An error travels outwards, and each span on its way ends with it. So from the root span inwards, the path takes
    /// the failed span that ended last. An error that code has handled ended earlier.
    pub(crate) fn failed_span(&self) -> Option<FailedSpanView> {
        // For each span, the failed span below it that ended last, with its time and the end of the path.
        let mut below = BTreeMap::<u32, (u64, u32)>::new();
        // A parent has a smaller number than its child.
        for (number, span) in self.spans.iter().rev() {
            let inner = below.get(number).copied();
            let path = match (&span.error, inner) {
                (None, None) => continue,
                (None, Some(inner)) => inner,
                (Some(_), inner) => {
                    let innermost = inner.map_or(*number, |(_, innermost)| innermost);
                    (span.ended.unwrap_or(u64::MAX), innermost)
                }
            };
            if *number == ROOT_SPAN {
                return self.view_failed(path.1);
            }
            let parent = span.parent.filter(|parent| parent < number);
            // The start of the parent may have been cut.
            let parent = parent.filter(|parent| self.spans.contains_key(parent));
            let outer = below.entry(parent.unwrap_or(ROOT_SPAN)).or_insert(path);
            *outer = (*outer).max(path);
        }
        None
    }

    fn view_failed(&self, number: u32) -> Option<FailedSpanView> {
        let span = self.spans.get(&number)?;
        Some(FailedSpanView {
            name: match number {
                // The recorder completes the name of a root with its route.
                ROOT_SPAN => self.name.clone(),
                _ => span.name.clone(),
            },
            ended: span.ended.or(self.ended),
            about: span.about(),
            at: span.place(),
            error_type: span.attribute("error.type").map(str::to_owned),
            error: span.error.clone().filter(|error| !error.is_empty()),
        })
    }

    /// The reason of a failure in one line.
    ///
    /// It consists of the error type, the error status, the last error event, and what firstlight reported at the end.
    pub(crate) fn failure(&self) -> String {
        let span = self.root_span();
        let description = span.and_then(|span| span.error.as_deref());
        let error_type = span.and_then(|span| span.attribute("error.type"));
        let limit = span.and_then(|span| span.attribute(SERVE_LIMIT));
        let limit = limit.map(|limit| format!("rejected by the limit of {limit}"));
        let events = self.events.iter().rev();
        let mut errors = events.filter(|event| event.level == Level::ERROR);
        let reported = errors.clone().find(|event| is_report(&event.target));
        let error = errors.find(|event| !is_report(&event.target));
        let message = error.map(EventView::error);
        // That the root failed is known, and the report may have nothing else.
        let is_told = |report: &str| {
            let description = description.filter(|text| !text.is_empty());
            message.is_some() || description.is_some_and(|text| report.contains(text))
        };
        let repeats = |report: &str| report.starts_with(&*self.name) && is_told(report);
        let reported = reported.map(|event| &*event.message);
        let reported = reported.filter(|report| !repeats(report));
        let limit = limit.as_deref();
        let parts = [error_type, limit, description, message.as_deref(), reported];
        let mut parts: Vec<&str> = parts.into_iter().flatten().collect();
        parts.retain(|part| !part.is_empty());
        parts.dedup();
        parts.join(": ")
    }
}

impl EventView {
    pub(super) fn field(&self, key: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        fields.find_map(|(other, value, _)| (other == key).then_some(&**value))
    }

    /// The message with the error, and the place of a panic.
    fn error(&self) -> String {
        let mut keys = ["error", "err", "exception.message"].into_iter();
        let cause = keys.find_map(|key| self.field(key)).unwrap_or_default();
        let mut text = self.message.clone();
        if !text.is_empty() && !cause.is_empty() {
            text += ": ";
        }
        text += cause;
        if let Some(location) = self.field("panic.location") {
            text += &format!(" at {location}");
        }
        text
    }
}
