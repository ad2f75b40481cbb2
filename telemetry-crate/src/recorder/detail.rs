//! The detail of a local root: its spans, their attributes and its events.

use std::collections::HashSet;

use super::{
    budget::Budget,
    record::{Record, records},
};

/// Capacity of the first allocation in bytes.
///
/// A request with one log line and its access log line needs one allocation.
const FIRST_CAPACITY: usize = 768;

/// The records of a root, within a limit and the budget.
#[derive(Debug, Default)]
pub(super) struct Detail {
    bytes: Vec<u8>,
    /// Bytes of records that were cut.
    cut: u64,
}

/// Whether a record was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    Yes,
    /// The budget is used up.
    NoBudget,
    /// The root has as many open spans as fit into its limit.
    NoRoom,
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

    /// Adds a record of at most `size` bytes.
    ///
    /// At `max` bytes, removes the oldest records.
    pub(super) fn add(
        &mut self,
        budget: &Budget,
        max: usize,
        size: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Added {
        if self.bytes.len() + size > self.bytes.capacity() {
            let added = self.make_room(budget, max, size);
            if added != Added::Yes {
                self.cut += size as u64;
                return added;
            }
        }
        write(&mut self.bytes);
        Added::Yes
    }

    #[cold]
    fn make_room(&mut self, budget: &Budget, max: usize, size: usize) -> Added {
        if self.bytes.len() + size > max {
            self.remove_oldest(max / 2);
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
        self.bytes.reserve_exact(new - length);
        Added::Yes
    }

    /// Removes the oldest records, until at most `target` bytes are left.
    ///
    /// The starts of open spans stay.
    fn remove_oldest(&mut self, target: usize) {
        let mut open = HashSet::new();
        for (record, _) in records(&self.bytes) {
            match record {
                Record::Start { span, .. } => _ = open.insert(span),
                Record::End { span, .. } => _ = open.remove(&span),
                _ => {}
            }
        }
        let mut excess = self.bytes.len().saturating_sub(target);
        let mut kept = Vec::with_capacity(target.min(self.bytes.len()));
        for (record, bytes) in records(&self.bytes) {
            let is_open = matches!(record, Record::Start { span, .. } if open.contains(&span));
            if excess > 0 && !is_open {
                excess = excess.saturating_sub(bytes.len());
                self.cut += bytes.len() as u64;
            } else {
                kept.extend_from_slice(bytes);
            }
        }
        self.bytes.clear();
        self.bytes.extend_from_slice(&kept);
    }

    /// Removes all records; returns the number of bytes that are free again.
    pub(super) fn clear(&mut self, budget: &Budget) -> usize {
        let bytes = std::mem::take(&mut self.bytes);
        self.cut += bytes.len() as u64;
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

    use super::*;

    const MAX: usize = 8 * 1024;

    fn add(detail: &mut Detail, budget: &Budget, record: &Record<'_>) -> Added {
        detail.add(budget, MAX, record.size(), |out| record.write(out))
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
        let all: Vec<_> = records(detail.bytes()).map(|(record, _)| record).collect();
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

    #[test]
    fn used_budget_cuts_records() {
        let (budget, mut detail) = (Budget::new(1_000), Detail::default());
        while add(&mut detail, &budget, &start(0)) == Added::Yes {}
        assert_eq!(budget.used(), FIRST_CAPACITY);
        assert_eq!(detail.cut(), start(0).size() as u64);
    }
}
