//! Log lines that were withheld until their root failed.

use super::{LineBuffer, LogLayer, LogLine, fields::EventFields};
use crate::{
    evidence::{HeldEvent, HeldSink, LineTarget},
    values::Kind,
};

/// Writes the events of failed roots, which were withheld before.
#[derive(Debug)]
pub(super) struct HeldLines(pub(super) LogLayer);

/// The field that marks a line as withheld until its root failed.
const HELD: &str = "firstlight.held";

impl HeldSink for HeldLines {
    fn write(&self, event: &HeldEvent<'_>) {
        let mut fields = EventFields::default();
        fields.restore("message", event.message, Kind::Message);
        for (name, text, kind) in event.fields {
            fields.restore(name, text, *kind);
        }
        fields.restore(HELD, "true", Kind::Bare);
        self.0.counts.count(event.level);
        let line = LogLine {
            time: event.time,
            level: event.level,
            target: event.target,
            ids: Some(event.ids),
            is_last: true,
            event: &fields,
            spans: &|_| {},
        };
        let target = LineTarget::Text(event.target);
        self.0.write(&mut LineBuffer::default(), &line, target);
    }
}
