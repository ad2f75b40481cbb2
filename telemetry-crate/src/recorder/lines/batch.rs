//! Some log lines that a reader has copied from the ring.

use opentelemetry::trace::TraceId;
use tracing::Level;

use super::{BATCH_BYTES, BATCH_LINES};

/// The lines that a reader gets at a time.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The lines, each followed by its target if that is not static.
    text: Vec<u8>,
    lines: Vec<Place>,
    /// The lines before these that are not there any more, whatever the filter is.
    pub(crate) missed: u64,
    /// Whether there are no more lines yet.
    pub(crate) is_last: bool,
}

/// A line of a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LineView<'a> {
    /// Lines are counted from the start of the process.
    pub(crate) number: u64,
    pub(crate) level: Level,
    pub(crate) target: &'a str,
    pub(crate) trace_id: Option<TraceId>,
    /// The line with its newline.
    pub(crate) text: &'a [u8],
}

/// A line in the text of a batch.
#[derive(Debug)]
struct Place {
    head: Head,
    /// The end of the line.
    line: usize,
    /// The end of the target that follows it.
    end: usize,
}

/// What is known about a line besides its text.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) number: u64,
    pub(super) level: Level,
    /// Empty if the target is copied.
    pub(super) target: &'static str,
    pub(super) trace_id: TraceId,
}

impl Batch {
    /// Creates a batch with memory for nearly all cases.
    ///
    /// No memory is then allocated while the ring is locked.
    pub(super) fn with_capacity() -> Self {
        Self {
            text: Vec::with_capacity(2 * BATCH_BYTES),
            lines: Vec::with_capacity(BATCH_LINES as usize),
            ..Self::default()
        }
    }

    /// The bytes of the lines.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Adds a line, whose text and target are each in two parts.
    pub(super) fn push(&mut self, head: Head, line: [&[u8]; 2], target: [&[u8]; 2]) {
        let mut copy = |parts: [&[u8]; 2]| {
            for part in parts {
                self.text.extend_from_slice(part);
            }
            self.text.len()
        };
        let (line, end) = (copy(line), copy(target));
        self.lines.push(Place { head, line, end });
    }

    /// The lines with their newlines, the oldest first.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.views().map(|view| view.text)
    }

    /// The lines with what is known about them, the oldest first.
    pub(crate) fn views(&self) -> impl Iterator<Item = LineView<'_>> {
        let mut start = 0;
        self.lines.iter().filter_map(move |place| {
            let text = self.text.get(start..place.line)?;
            let copied = self.text.get(place.line..place.end)?;
            start = place.end;
            let head = &place.head;
            let target = match copied {
                [] => head.target,
                // A long target was cut, maybe within a character.
                copied => copied
                    .utf8_chunks()
                    .next()
                    .map_or("", |chunk| chunk.valid()),
            };
            Some(LineView {
                number: head.number,
                level: head.level,
                target,
                trace_id: Some(head.trace_id).filter(|id| *id != TraceId::INVALID),
                text,
            })
        })
    }
}
