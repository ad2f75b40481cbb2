//! An OpenTelemetry span while it is recorded.
//!
//! The SDK's span stores an attribute again each time it is set, and drops new attributes after 128. The specification
//! requires each key once, with its last value. The SDK's span also records when nothing is exported. A [`Span`] holds the
//! data for the export, or only its ids. An unsampled span may hold the data too, see `failures`.

#[cfg(all(test, feature = "testing"))]
mod tests;

use std::{borrow::Cow, sync::Arc, time::SystemTime};

use opentelemetry::{
    KeyValue,
    trace::{Event, Link, SpanContext, SpanId, SpanKind, Status},
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::{
    failures::{self, LocalRoot},
    limits::{self, Attributes},
    note,
    tracer::TracerInner,
};
use crate::{
    evidence::{self, SpanNote},
    name_set::NameSet,
};

/// A span, recorded or not.
#[derive(Debug)]
pub(crate) struct Span {
    context: SpanContext,
    /// `None` if the span is not recorded, or has ended.
    recording: Option<Box<Recording>>,
    /// The span in the flight recorder, which keeps it whether it is recorded or not.
    note: Option<SpanNote>,
    /// The local root of an unsampled span that is recorded, in case the root fails.
    root: Option<Arc<LocalRoot>>,
    /// Whether the status is Ok, which is final.
    is_ok: bool,
    has_ended: bool,
}

#[derive(Debug)]
pub(super) struct Recording {
    data: SpanData,
    /// The keys of the span's attributes.
    keys: NameSet,
    tracer: Arc<TracerInner>,
}

impl Span {
    /// A span outside any trace.
    pub(super) fn none() -> Self {
        Self::unrecorded(SpanContext::NONE)
    }

    /// A span that has only ids.
    pub(super) fn unrecorded(context: SpanContext) -> Self {
        Self {
            context,
            recording: None,
            note: None,
            root: None,
            is_ok: false,
            has_ended: false,
        }
    }

    pub(super) fn noted(mut self, note: Option<SpanNote>) -> Self {
        self.note = note;
        self
    }

    pub(super) fn within(mut self, root: Option<Arc<LocalRoot>>) -> Self {
        self.root = root;
        self
    }

    pub(super) fn recorded(mut data: SpanData, tracer: Arc<TracerInner>) -> Self {
        limits::clean_text(&mut data.name);
        let limits = &tracer.limits;
        let mut keys = NameSet::default();
        Attributes {
            list: &mut data.attributes,
            keys: &mut keys,
            dropped: &mut data.dropped_attributes_count,
            max: limits.attributes,
            value_length: limits.value_length,
        }
        .normalize();
        let context = data.span_context.clone();
        let mut span = Self {
            context,
            recording: Some(Box::new(Recording { data, keys, tracer })),
            note: None,
            root: None,
            is_ok: false,
            has_ended: false,
        };
        span.bound_events_and_links();
        span
    }

    /// The handle for what the flight recorder keeps of this call.
    fn note(&self) -> Option<&SpanNote> {
        self.note
            .as_ref()
            .filter(|_| !evidence::is_for_export_only())
    }

    /// The data for the export, if this call is also for the export.
    fn recording(&mut self) -> Option<&mut Recording> {
        self.recording
            .as_deref_mut()
            .filter(|_| !evidence::is_for_recorder_only())
    }

    /// Applies the limits to the events and links that the builder had.
    fn bound_events_and_links(&mut self) {
        let Some(recording) = &mut self.recording else {
            return;
        };
        let events = std::mem::take(&mut recording.data.events.events);
        for event in events {
            recording.add_event(event);
        }
        let Some(recording) = &mut self.recording else {
            return;
        };
        let links = std::mem::take(&mut recording.data.links.links);
        for link in links {
            recording.add_link(link);
        }
    }
}

impl Recording {
    fn set_attribute(&mut self, attribute: KeyValue) {
        let limits = &self.tracer.limits;
        Attributes {
            list: &mut self.data.attributes,
            keys: &mut self.keys,
            dropped: &mut self.data.dropped_attributes_count,
            max: limits.attributes,
            value_length: limits.value_length,
        }
        .set(attribute);
    }

    fn add_event(&mut self, mut event: Event) {
        let limits = &self.tracer.limits;
        let SpanEvents {
            events,
            dropped_count,
            ..
        } = &mut self.data.events;
        if events.len() >= limits.events {
            *dropped_count = dropped_count.saturating_add(1);
            return;
        }
        // The name of an event is its message, which may contain credentials.
        limits::clean_text(&mut event.name);
        Attributes {
            list: &mut event.attributes,
            keys: &mut NameSet::default(),
            dropped: &mut event.dropped_attributes_count,
            max: limits.attributes_per_event,
            value_length: limits.value_length,
        }
        .normalize();
        events.push(event);
    }

    fn add_link(&mut self, mut link: Link) {
        let limits = &self.tracer.limits;
        let SpanLinks {
            links,
            dropped_count,
            ..
        } = &mut self.data.links;
        if links.len() >= limits.links {
            *dropped_count = dropped_count.saturating_add(1);
            return;
        }
        Attributes {
            list: &mut link.attributes,
            keys: &mut NameSet::default(),
            dropped: &mut link.dropped_attributes_count,
            max: limits.attributes_per_link,
            value_length: limits.value_length,
        }
        .normalize();
        links.push(link);
    }
}

impl opentelemetry::trace::Span for Span {
    fn add_event_with_timestamp<T>(
        &mut self,
        name: T,
        timestamp: SystemTime,
        attributes: Vec<KeyValue>,
    ) where
        T: Into<Cow<'static, str>>,
    {
        if let Some(recording) = &mut self.recording {
            recording.add_event(Event::new(name, timestamp, attributes, 0));
        }
    }

    fn span_context(&self) -> &SpanContext {
        &self.context
    }

    fn is_recording(&self) -> bool {
        self.recording.is_some()
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        if self.has_ended {
            return;
        }
        if let Some(note) = self.note() {
            note::set(note, &attribute);
        }
        if let Some(recording) = self.recording() {
            recording.set_attribute(attribute);
        }
    }

    fn set_status(&mut self, status: Status) {
        if status == Status::Unset {
            // Without effect on the status, as the specification requires in "Set Status".
            return failures::answer(self.root.as_ref());
        }
        // The specification says in "Set Status" that Ok is final, and that it overrides Error.
        if self.has_ended || self.is_ok || self.recording.is_none() && self.note.is_none() {
            return;
        }
        let status = match status {
            Status::Error { mut description } => {
                limits::clean_text(&mut description);
                if let Some(note) = self.note() {
                    note.fail(&description);
                }
                Status::Error { description }
            }
            status => {
                self.is_ok = true;
                if let Some(note) = self.note() {
                    note.succeed();
                }
                status
            }
        };
        if let Some(recording) = &mut self.recording {
            recording.data.status = status;
        }
    }

    fn update_name<T>(&mut self, name: T)
    where
        T: Into<Cow<'static, str>>,
    {
        if self.has_ended || self.recording.is_none() && self.note.is_none() {
            return;
        }
        let mut name = name.into();
        limits::clean_text(&mut name);
        if let Some(note) = self.note() {
            note.rename(&name);
        }
        if let Some(recording) = self.recording() {
            recording.data.name = name;
        }
    }

    fn add_link(&mut self, context: SpanContext, attributes: Vec<KeyValue>) {
        if let Some(recording) = &mut self.recording {
            recording.add_link(Link::new(context, attributes, 0));
        }
    }

    fn end_with_timestamp(&mut self, end: SystemTime) {
        if std::mem::replace(&mut self.has_ended, true) {
            return;
        }
        if let Some(note) = &self.note {
            note.end(end);
        }
        if let Some(recording) = self.recording.take() {
            let Recording {
                mut data, tracer, ..
            } = *recording;
            // The clock may have been set back. Trace viewers do not handle a span that ends before it starts.
            data.end_time = end.max(data.start_time);
            match &self.root {
                None => tracer.export(data),
                Some(root) => root.end(data),
            }
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if !self.has_ended && (self.recording.is_some() || self.note.is_some()) {
            opentelemetry::trace::Span::end(self);
        }
    }
}

/// The ids of a new span and of its parent.
pub(super) struct Start {
    pub(super) context: SpanContext,
    pub(super) parent: SpanId,
    pub(super) parent_is_remote: bool,
}

impl Start {
    pub(super) fn into_data(
        self,
        tracer: &TracerInner,
        builder: opentelemetry::trace::SpanBuilder,
    ) -> SpanData {
        let start_time = builder.start_time.unwrap_or_else(SystemTime::now);
        let mut events = SpanEvents::default();
        events.events = builder.events.unwrap_or_default();
        let mut links = SpanLinks::default();
        links.links = builder.links.unwrap_or_default();
        SpanData {
            span_context: self.context,
            parent_span_id: self.parent,
            parent_span_is_remote: self.parent_is_remote,
            span_kind: builder.span_kind.unwrap_or(SpanKind::Internal),
            name: builder.name,
            start_time,
            end_time: start_time,
            attributes: builder.attributes.unwrap_or_default(),
            dropped_attributes_count: 0,
            events,
            links,
            status: Status::Unset,
            instrumentation_scope: tracer.scope.clone(),
        }
    }
}
