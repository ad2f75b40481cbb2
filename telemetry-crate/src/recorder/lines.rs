//! The most recent log lines, in a ring of fixed size.
//!
//! Also the lines that standard output did not take are here: a reader looks for them when the pipe is blocked. The ring
//! is filled while the program logs, so a line costs one copy, and a line is lost if a reader holds the lock. Readers
//! copy a few lines at a time, and filter them on their own thread.

mod batch;
#[cfg(test)]
mod tests;

use std::{
    ops::Range,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use opentelemetry::trace::TraceId;
use tracing::Level;

use self::batch::Head;
pub(crate) use self::batch::{Batch, LineView};
use super::{losses::Losses, spin::try_lock};
use crate::evidence::{LineNote, LineTarget};

/// The bytes of the ring for each line that it has room for.
///
/// A line of JSON with a few fields has about 250 bytes.
const BYTES_PER_LINE: usize = 256;

const SLOT_BYTES: usize = size_of::<Slot>();

/// Maximum size of a target in bytes, if it is that of the `log` crate.
const MAX_TARGET: usize = 255;

/// Bytes that a reader copies before it unlocks the ring.
///
/// The last line may exceed it. This takes less time than a thread that logs is willing to wait.
const BATCH_BYTES: usize = 4 * 1024;

/// Lines that a reader looks at before it unlocks the ring.
const BATCH_LINES: u64 = 64;

/// The number of attempts of a reader before it waits for the lock.
const READER_ATTEMPTS: usize = 1_000;

/// The most recent log lines.
#[derive(Debug)]
pub(crate) struct Lines {
    ring: Mutex<Ring>,
    /// Lines that were not kept.
    lost: AtomicU64,
    bytes: usize,
}

#[derive(Debug)]
struct Ring {
    /// The lines, each at its number modulo the capacity.
    ///
    /// Memory is used once there are that many lines.
    slots: Vec<Slot>,
    max_slots: usize,
    /// The place of the next line in `slots`.
    place: usize,
    /// The texts of the lines, one after the other.
    text: Box<[u8]>,
    /// The number of the next line.
    next: u64,
    /// Bytes written since the start.
    ///
    /// The last ones are still there, as many as `text` has.
    written: u64,
    /// The place of the next byte in `text`.
    offset: usize,
}

/// One line.
///
/// It is overwritten if `text` has fewer bytes than were written since its start.
#[derive(Debug, Clone, Copy)]
struct Slot {
    /// The number of bytes that were written before this line.
    start: u64,
    /// The place of its first byte in `text`.
    offset: usize,
    bytes: u32,
    /// Bytes of the target that follow the line; 0 if `target` is the target.
    target_bytes: u8,
    level: Level,
    target: &'static str,
    trace_id: TraceId,
}

/// Which lines a reader wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LineFilter {
    /// The least severe level; `None` for all.
    pub(crate) level: Option<Level>,
    pub(crate) trace_id: Option<TraceId>,
    /// The start of the target, as in `RUST_LOG`.
    pub(crate) target: String,
}

/// How far a reader has read.
#[derive(Debug)]
pub(crate) struct LineCursor {
    /// The number of the next line.
    next: u64,
    /// The lines that were lost up to here.
    lost: u64,
}

impl Lines {
    /// Creates a ring of at most `bytes` bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let max_slots = (bytes / (BYTES_PER_LINE + SLOT_BYTES)).max(1);
        let text = bytes.saturating_sub(max_slots * SLOT_BYTES);
        Self {
            ring: Mutex::new(Ring {
                slots: Vec::with_capacity(max_slots),
                max_slots,
                place: 0,
                text: vec![0; text].into(),
                next: 0,
                written: 0,
                offset: 0,
            }),
            lost: AtomicU64::new(0),
            bytes: text + max_slots * SLOT_BYTES,
        }
    }

    /// The size of the ring.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a line in place of the oldest ones.
    ///
    /// A line is lost if the ring is locked, or if the line is larger than the ring.
    pub(super) fn push(&self, line: &LineNote<'_>, losses: &Losses) {
        match try_lock(&self.ring).map(|mut ring| ring.push(line)) {
            Some(true) => return,
            Some(false) => losses.records(1),
            None => losses.contended(),
        }
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// The numbers of the lines that are there.
    pub(crate) fn range(&self) -> Range<u64> {
        let ring = self.lock();
        ring.oldest()..ring.next
    }

    /// Returns the place before the line `number`.
    pub(crate) fn cursor(&self, number: u64) -> LineCursor {
        LineCursor {
            next: number,
            lost: self.lost.load(Ordering::Relaxed),
        }
    }

    /// Reads some of the lines that follow, and moves the cursor past them.
    ///
    /// A line that was lost has no number. It counts as missed before the lines of the next call.
    pub(crate) fn read(&self, cursor: &mut LineCursor, filter: &LineFilter) -> Batch {
        let lost = self.lost.load(Ordering::Relaxed);
        let lost_since = lost.saturating_sub(cursor.lost);
        cursor.lost = lost;
        let mut batch = self.read_until(u64::MAX, cursor, filter);
        batch.missed += lost_since;
        batch
    }

    /// Reads some of the lines before the line `end`, and moves the cursor past them.
    pub(crate) fn read_until(
        &self,
        end: u64,
        cursor: &mut LineCursor,
        filter: &LineFilter,
    ) -> Batch {
        let mut batch = Batch::with_capacity();
        self.lock().read(end, cursor, filter, &mut batch);
        batch
    }

    /// Locks the ring for a reader.
    ///
    /// A reader that slept until the lock is free would have to be woken by the program's thread that frees it.
    fn lock(&self) -> MutexGuard<'_, Ring> {
        for _ in 0..READER_ATTEMPTS {
            if let Some(ring) = try_lock(&self.ring) {
                return ring;
            }
            thread::yield_now();
        }
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    /// Returns `false` if the line does not fit.
    fn push(&mut self, line: &LineNote<'_>) -> bool {
        let (target, copied) = match line.target {
            LineTarget::Static(target) => (target, &[][..]),
            LineTarget::Text(target) => ("", &target.as_bytes()[..target.len().min(MAX_TARGET)]),
        };
        let bytes = line.text.len() + copied.len();
        let Ok(line_bytes) = u32::try_from(line.text.len()) else {
            return false;
        };
        if bytes > self.text.len() {
            return false;
        }
        let slot = Slot {
            start: self.written,
            offset: self.offset,
            bytes: line_bytes,
            target_bytes: copied.len() as u8,
            level: line.level,
            target,
            trace_id: line.trace_id.unwrap_or(TraceId::INVALID),
        };
        match self.slots.get_mut(self.place) {
            Some(old) => *old = slot,
            None => self.slots.push(slot),
        }
        // Cheaper than the remainder of a division.
        self.place += 1;
        if self.place == self.max_slots {
            self.place = 0;
        }
        self.put(line.text);
        if !copied.is_empty() {
            self.put(copied);
        }
        self.written += bytes as u64;
        self.next += 1;
        true
    }

    fn slot(&self, number: u64) -> Option<&Slot> {
        self.slots.get((number % self.max_slots as u64) as usize)
    }

    /// Writes bytes, of which there are at most as many as the ring has.
    fn put(&mut self, bytes: &[u8]) {
        let end = self.offset + bytes.len();
        if let Some(place) = self.text.get_mut(self.offset..end) {
            place.copy_from_slice(bytes);
            self.offset = end;
        } else {
            let (first, rest) = bytes.split_at(self.text.len() - self.offset);
            self.text[self.offset..].copy_from_slice(first);
            self.text[..rest.len()].copy_from_slice(rest);
            self.offset = rest.len();
        }
    }

    /// Bytes from a place on, in two parts if they reach the end of the ring.
    fn bytes(&self, offset: usize, bytes: usize) -> [&[u8]; 2] {
        let offset = if offset >= self.text.len() {
            offset - self.text.len()
        } else {
            offset
        };
        let end = offset + bytes;
        let first = &self.text[offset..end.min(self.text.len())];
        [first, &self.text[..end.saturating_sub(self.text.len())]]
    }

    /// The number of the oldest line that is not overwritten.
    fn oldest(&self) -> u64 {
        let (mut low, mut high) = (self.next - self.slots.len() as u64, self.next);
        while low < high {
            let middle = low + (high - low) / 2;
            if (self.slot(middle))
                .is_some_and(|slot| self.written - slot.start <= self.text.len() as u64)
            {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }

    fn read(&self, end: u64, cursor: &mut LineCursor, filter: &LineFilter, batch: &mut Batch) {
        let end = end.min(self.next);
        let oldest = self.oldest().min(end);
        batch.missed = oldest.saturating_sub(cursor.next);
        cursor.next = cursor.next.max(oldest);
        let last = end.min(cursor.next.saturating_add(BATCH_LINES));
        while cursor.next < last && batch.bytes() < BATCH_BYTES {
            if let Some(slot) = self.slot(cursor.next)
                && self.is_wanted(slot, filter)
            {
                let head = Head {
                    number: cursor.next,
                    level: slot.level,
                    target: slot.target,
                    trace_id: slot.trace_id,
                };
                let line = self.bytes(slot.offset, slot.bytes as usize);
                batch.push(head, line, self.copied_target(slot));
            }
            cursor.next += 1;
        }
        batch.is_last = cursor.next >= end;
    }

    fn is_wanted(&self, slot: &Slot, filter: &LineFilter) -> bool {
        // A more severe level is a smaller one.
        filter.level.is_none_or(|level| slot.level <= level)
            && filter.trace_id.is_none_or(|id| slot.trace_id == id)
            && self.has_target(slot, filter.target.as_bytes())
    }

    fn has_target(&self, slot: &Slot, prefix: &[u8]) -> bool {
        if slot.target_bytes == 0 {
            return slot.target.as_bytes().starts_with(prefix);
        }
        let target = self.copied_target(slot).into_iter().flatten();
        usize::from(slot.target_bytes) >= prefix.len() && target.take(prefix.len()).eq(prefix)
    }

    /// The target that follows a line, if it is not static.
    fn copied_target(&self, slot: &Slot) -> [&[u8]; 2] {
        let start = slot.offset + slot.bytes as usize;
        self.bytes(start, usize::from(slot.target_bytes))
    }
}
