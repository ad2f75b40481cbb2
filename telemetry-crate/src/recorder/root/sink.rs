//! What the spans of a root tell it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::SystemTime,
};

use opentelemetry::trace::SpanId;

use super::{ROOT_SPAN, Root};
use crate::{
    evidence::RootSink,
    proto::nanos,
    recorder::{local_roots::LateWork, record::Record, short_text::ShortText},
};

impl RootSink for Root {
    fn rename(&self, span: u32, name: &str) {
        self.change(|state| {
            if span == ROOT_SPAN {
                if !state.name.is(name) {
                    self.set_name(state, name);
                }
                return;
            }
            if let Some(current) = &mut state.current
                && current.is(span)
            {
                current.name = ShortText::new(name);
            }
            self.add_record(state, &Record::Name { span, name });
        });
    }

    fn set(&self, span: u32, key: &str, value: &str, cut: usize) {
        let is_set = self.change(|state| self.set_attribute(state, span, (key, value), cut));
        if is_set.is_none() && span == ROOT_SPAN && key == "error.type" {
            self.has_error_type.store(true, Ordering::Relaxed);
        }
    }

    fn fail(&self, span: u32, description: &str) {
        if span == ROOT_SPAN {
            self.is_failed.store(true, Ordering::Relaxed);
        }
        self.change(|state| self.add_record(state, &Record::Failed { span, description }));
    }

    fn succeed(&self, span: u32) {
        if span == ROOT_SPAN {
            self.is_failed.store(false, Ordering::Relaxed);
        }
        self.change(|state| self.add_record(state, &Record::Succeeded { span }));
    }

    fn end(self: Arc<Self>, span: u32, time: SystemTime) {
        let time = nanos(time);
        // What this root has lost decides whether its failure is an error of its own.
        self.roots.catch_up();
        if !self.try_end(span, time) {
            let root = self.clone();
            self.roots.later(LateWork::End { root, span, time });
        }
    }

    fn release(&self, span: SpanId) {
        self.roots.release(span);
    }
}
