//! The detail of a local root: its spans, their attributes and its events.

use std::{collections::HashSet, ops::Range};

use super::{
    budget::Budget,
    losses::Losses,
    record::{Head, heads, remove},
};

/// Capacity of the first allocation in bytes.
///
/// A request with one log line and its access log line needs one allocation.
const FIRST_CAPACITY: usize = 768;

/// The part of the limit that a removal of the oldest records must free.
///
/// A removal reads all records, so it must make room for many.
const REMOVED_PART: usize = 16;

/// Maximum size of the detail of one root in bytes, whatever the budget is.
pub(super) const MAX_DETAIL: usize = u32::MAX as usize;

/// The records of a root, within a limit and the budget.
#[derive(Debug, Default)]
pub(super) struct Detail {
    bytes: Vec<u8>,
    /// Bytes of records and of values that were cut.
    cut: u64,
    /// Bytes of records that are marked as removed and are still there.
    marked: u32,
    /// Bytes of records that may be removed.
    ///
    /// These are all but the starts of open spans.
    removable: u32,
}

/// What a root may take, and the counts of what it loses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits<'a> {
    pub(super) budget: &'a Budget,
    /// Maximum size of the detail in bytes.
    pub(super) max: usize,
    pub(super) losses: &'a Losses,
}

/// Whether a record was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    Yes,
    /// The budget is used up.
    NoBudget,
    /// The record does not fit, even without the oldest records.
    NoRoom,
}

/// One or more records that are added.
#[derive(Debug, Clone, Copy)]
pub(super) struct Addition {
    /// Maximum size in bytes.
    pub(super) size: usize,
    pub(super) records: u32,
    /// Bytes that were cut off its values before.
    pub(super) cut: usize,
    /// What it says of the spans that are open.
    pub(super) head: Head,
}

impl Detail {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// The bytes that this root has lost.
    pub(super) fn cut(&self) -> u64 {
        self.cut
    }

    /// Adds a record.
    ///
    /// `write` writes it, and returns the bytes that it has cut off values. At the limit, removes the oldest records. If
    /// that is not enough, the end of a span removes its start.
    pub(super) fn add(
        &mut self,
        limits: Limits<'_>,
        record: Addition,
        write: impl FnOnce(&mut Vec<u8>) -> usize,
    ) -> Added {
        let (size, cut) = (record.size, record.cut);
        if self.bytes.len() + size > self.bytes.capacity() {
            let added = self.make_room(limits, size);
            if added != Added::Yes {
                self.lose(record.records.into(), size + cut, limits.losses);
                if let Head::End(span) = record.head {
                    self.remove_start(span, limits.losses);
                }
                return added;
            }
        }
        if !matches!(record.head, Head::Start(_)) {
            self.removable += size as u32;
        }
        let cut = cut + write(&mut self.bytes);
        if cut > 0 {
            self.cut += cut as u64;
            limits.losses.value();
        }
        Added::Yes
    }

    /// Counts records that are lost.
    fn lose(&mut self, records: u64, bytes: usize, losses: &Losses) {
        self.cut += bytes as u64;
        losses.records(records);
    }

    #[cold]
    fn make_room(&mut self, limits: Limits<'_>, size: usize) -> Added {
        let Limits {
            budget,
            max,
            losses,
        } = limits;
        if self.bytes.len() + size > max {
            if size > max || (self.removable as usize) < max / REMOVED_PART {
                return Added::NoRoom;
            }
            self.remove_oldest((max / 2).min(max - size), losses);
            if self.bytes.len() + size > max {
                return Added::NoRoom;
            }
            if self.bytes.len() + size <= self.bytes.capacity() {
                return Added::Yes;
            }
        }
        let (old, length) = (self.bytes.capacity(), self.bytes.len());
        let new = (2 * old).max(FIRST_CAPACITY).max(length + size).min(max);
        if !budget.reserve(new - old) {
            return Added::NoBudget;
        }
        if old == 0 {
            // Cheaper than to grow, and most roots need no more.
            self.bytes = Vec::with_capacity(new);
        } else {
            self.bytes.reserve_exact(new - length);
        }
        Added::Yes
    }

    /// Removes the oldest records, until at most `target` bytes are left.
    ///
    /// The starts of open spans stay.
    fn remove_oldest(&mut self, target: usize, losses: &Losses) {
        let mut open = HashSet::new();
        for (head, _) in heads(&self.bytes) {
            match head {
                Head::Start(span) => _ = open.insert(span),
                Head::End(span) => _ = open.remove(&span),
                Head::Other | Head::Removed => {}
            }
        }
        let mut excess = self.bytes.len().saturating_sub(target);
        let (mut read, mut written) = (0, 0);
        let (mut records, mut bytes) = (0, 0);
        self.removable = 0;
        loop {
            let next = heads(&self.bytes[read..]).next();
            let Some((head, place)) = next else {
                break;
            };
            let place = read..read + place.len();
            read = place.end;
            let is_open = matches!(head, Head::Start(span) if open.contains(&span));
            if excess > 0 && !is_open {
                excess = excess.saturating_sub(place.len());
                if head == Head::Removed {
                    self.marked -= place.len() as u32;
                } else {
                    records += 1;
                    bytes += place.len();
                }
                continue;
            }
            if !is_open {
                self.removable += place.len() as u32;
            }
            let length = place.len();
            self.bytes.copy_within(place, written);
            written += length;
        }
        self.bytes.truncate(written);
        self.lose(records, bytes, losses);
    }

    /// Marks the start of a span as removed.
    fn remove_start(&mut self, span: u32, losses: &Losses) {
        let place = self.place_of_start(span);
        if let Some(place) = place {
            self.removable += place.len() as u32;
            self.marked += place.len() as u32;
            self.lose(1, place.len(), losses);
            remove(&mut self.bytes, place);
        }
    }

    fn place_of_start(&self, span: u32) -> Option<Range<usize>> {
        let mut found = heads(&self.bytes).filter(|(head, _)| *head == Head::Start(span));
        found.next().map(|(_, place)| place)
    }

    /// Removes all records; returns the number of bytes that are free again.
    pub(super) fn clear(&mut self, budget: &Budget) -> usize {
        let bytes = std::mem::take(&mut self.bytes);
        // The marked ones are counted already.
        self.cut += bytes.len() as u64 - u64::from(self.marked);
        (self.removable, self.marked) = (0, 0);
        budget.release(bytes.capacity());
        bytes.capacity()
    }

    /// Returns unused memory, if it is much.
    pub(super) fn shrink(&mut self, budget: &Budget) {
        let before = self.bytes.capacity();
        if before > 2 * FIRST_CAPACITY && self.bytes.len() < before / 4 * 3 {
            self.bytes.shrink_to_fit();
            budget.release(before - self.bytes.capacity());
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::SpanId;

    use super::{
        super::record::{Record, records},
        *,
    };

    const MAX: usize = 8 * 1024;

    fn add(detail: &mut Detail, budget: &Budget, record: &Record<'_>) -> Added {
        add_counted(detail, budget, &Losses::default(), record)
    }

    fn add_counted(
        detail: &mut Detail,
        budget: &Budget,
        losses: &Losses,
        record: &Record<'_>,
    ) -> Added {
        let limits = Limits {
            budget,
            max: MAX,
            losses,
        };
        detail.add(limits, record.into(), |out| record.write(out))
    }

    /// Each byte and each record is either there or counted, and none twice.
    #[test]
    fn all_lost_records_are_counted() {
        let (budget, mut detail) = (Budget::new(1_000_000), Detail::default());
        let losses = Losses::default();
        let (mut written, mut count, mut most_marked) = (0, 0, 0);
        let spans = 0..1_000;
        let starts = spans.clone().map(start);
        let ends = spans.map(|span| Record::End { span, time: 1 });
        let names = (0..2_000).map(|span| Record::Name { span, name: "row" });
        for record in starts.chain(ends).chain(names) {
            add_counted(&mut detail, &budget, &losses, &record);
            written += record.size();
            count += 1;
            most_marked = most_marked.max(detail.marked);
            let there: Vec<_> = records(detail.bytes()).collect();
            let bytes: usize = there.iter().map(Record::size).sum();
            let [_, (_, lost), ..] = losses.counts();
            assert_eq!(there.len() as u64 + lost, count);
            assert_eq!(bytes as u64 + detail.cut(), written as u64);
        }
        assert!(most_marked > 0);
        detail.clear(&budget);
        assert_eq!(detail.cut(), written as u64);
    }

    fn start(span: u32) -> Record<'static> {
        Record::Start {
            span,
            parent: None,
            span_id: SpanId::INVALID,
            time: 0,
            name: "work",
        }
    }

    #[test]
    fn open_spans_outlive_a_million_records() {
        let (budget, mut detail) = (Budget::new(1_000_000), Detail::default());
        assert_eq!(add(&mut detail, &budget, &start(0)), Added::Yes);
        for number in 0..1_000_000 {
            let value = number.to_string();
            let record = Record::Attribute {
                span: 1,
                key: "number",
                value: &value,
            };
            assert_eq!(add(&mut detail, &budget, &record), Added::Yes);
        }
        let all: Vec<_> = records(detail.bytes()).collect();
        assert_eq!(all[0], start(0));
        let last = Record::Attribute {
            span: 1,
            key: "number",
            value: "999999",
        };
        assert_eq!(all.last(), Some(&last));
        assert!(detail.capacity() <= MAX);
        assert_eq!(budget.used(), detail.capacity());
        assert!(detail.cut() > 20_000_000);
    }

    #[test]
    fn open_spans_beyond_the_limit_are_refused() {
        let (budget, mut detail) = (Budget::new(1_000_000), Detail::default());
        let added: Vec<_> = (0..1_000)
            .map(|span| add(&mut detail, &budget, &start(span)))
            .collect();
        assert_eq!(added.last(), Some(&Added::NoRoom));
        assert!(detail.capacity() <= MAX);
        let capacity = detail.capacity();
        assert_eq!(detail.clear(&budget), capacity);
        assert_eq!(budget.used(), 0);
    }

    /// As when a root starts thousands of calls at once, and awaits them all.
    #[test]
    fn ended_spans_make_room_in_a_full_root() {
        let (budget, mut detail) = (Budget::new(1_000_000), Detail::default());
        let started = (0..1_000)
            .take_while(|span| add(&mut detail, &budget, &start(*span)) == Added::Yes)
            .count() as u32;
        for span in 0..started {
            add(&mut detail, &budget, &Record::End { span, time: 1 });
        }
        let value = "x".repeat(4_000);
        let late = Record::Attribute {
            span: started,
            key: "late",
            value: &value,
        };
        assert_eq!(add(&mut detail, &budget, &late), Added::Yes);
        assert_eq!(records(detail.bytes()).last(), Some(late));
        // No span is left that seems to be open.
        let mut open = HashSet::new();
        for record in records(detail.bytes()) {
            match record {
                Record::Start { span, .. } => _ = open.insert(span),
                Record::End { span, .. } => _ = open.remove(&span),
                _ => {}
            }
        }
        assert_eq!(open, HashSet::new());
    }

    #[test]
    fn too_large_records_remove_nothing() {
        let (budget, mut detail) = (Budget::new(1_000_000), Detail::default());
        add(&mut detail, &budget, &Record::Name { span: 0, name: "a" });
        let length = detail.bytes().len();
        let large = Addition {
            records: 1,
            size: MAX + 1,
            cut: 0,
            head: Head::Other,
        };
        let losses = Losses::default();
        let limits = Limits {
            budget: &budget,
            max: MAX,
            losses: &losses,
        };
        assert_eq!(detail.add(limits, large, |_| 0), Added::NoRoom);
        assert_eq!(detail.bytes().len(), length);
    }

    #[test]
    fn used_budget_cuts_records() {
        let (budget, mut detail) = (Budget::new(1_000), Detail::default());
        while add(&mut detail, &budget, &start(0)) == Added::Yes {}
        assert_eq!(budget.used(), FIRST_CAPACITY);
        assert_eq!(detail.cut(), start(0).size() as u64);
    }
}
