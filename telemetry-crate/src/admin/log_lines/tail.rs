//! The last lines that pass the filters of a request.

use std::collections::VecDeque;

use opentelemetry::trace::TraceId;
use tracing::Level;

use super::missed;
use crate::recorder::LineView;

/// A line as it is sent.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) level: Level,
    pub(super) target: String,
    pub(super) trace_id: Option<TraceId>,
    /// The line with its newline.
    pub(super) text: Vec<u8>,
    /// Lines between this one and the one before it that could not be read.
    ///
    /// Newer lines have replaced them.
    missed: u64,
}

impl Line {
    pub(super) fn new(view: &LineView<'_>, text: Vec<u8>) -> Self {
        Self {
            number: view.number,
            level: view.level,
            target: view.target.to_owned(),
            trace_id: view.trace_id,
            text,
            missed: 0,
        }
    }
}

/// The last lines, at most as many as the client wants.
#[derive(Debug)]
pub(super) struct Tail {
    max: usize,
    /// Whether the client has all lines before the first one that it wants.
    continues: bool,
    lines: VecDeque<Line>,
    /// Lines before these that the client does not get.
    skipped: u64,
    /// Lines after these that could not be read.
    pending: u64,
}

impl Tail {
    pub(super) fn new(max: usize, continues: bool) -> Self {
        Self {
            max,
            continues,
            lines: VecDeque::new(),
            skipped: 0,
            pending: 0,
        }
    }

    /// Adds lines after `missed` ones that could not be read.
    pub(super) fn add(&mut self, missed: u64, lines: Vec<Line>) {
        self.pending += missed;
        for mut line in lines {
            line.missed = std::mem::take(&mut self.pending);
            self.lines.push_back(line);
            if self.lines.len() > self.max
                && let Some(first) = self.lines.pop_front()
            {
                self.skipped += first.missed + 1;
            }
        }
    }

    /// The lines, the oldest first.
    pub(super) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter()
    }

    /// The number of lines that are missing before the first one.
    ///
    /// Without a line from which the client continues, these are not a gap.
    fn missed_before(&self) -> u64 {
        let first = match self.lines.front() {
            Some(first) => first.missed,
            None => self.pending,
        };
        match self.continues {
            true => self.skipped + first,
            false => 0,
        }
    }

    /// The number of all lines that are missing.
    pub(super) fn missed(&self) -> u64 {
        let later = self.lines.iter().skip(1).map(|line| line.missed);
        self.missed_before() + later.sum::<u64>()
    }

    /// The lines with their newlines, and a line about each gap.
    pub(super) fn into_text(self, is_json: bool) -> Vec<Vec<u8>> {
        let mut text = Vec::with_capacity(self.lines.len());
        let before = self.missed_before();
        if before > 0 {
            text.push(missed(before, is_json));
        }
        for (place, line) in self.lines.into_iter().enumerate() {
            if place > 0 && line.missed > 0 {
                text.push(missed(line.missed, is_json));
            }
            text.push(line.text);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(numbers: std::ops::Range<u64>) -> Vec<Line> {
        let line = |number| Line {
            number,
            level: Level::INFO,
            target: "orders".to_owned(),
            trace_id: None,
            text: format!("{number}\n").into(),
            missed: 0,
        };
        numbers.map(line).collect()
    }

    fn numbers(tail: &Tail) -> Vec<u64> {
        tail.lines().map(|line| line.number).collect()
    }

    #[test]
    fn gaps_count_only_for_continuing_clients() {
        for (continues, expected) in [(false, 3), (true, 2 + 7 + 3)] {
            let mut tail = Tail::new(4, continues);
            tail.add(7, lines(7..10));
            tail.add(3, lines(13..16));
            assert_eq!(numbers(&tail), [9, 13, 14, 15]);
            assert_eq!(tail.missed(), expected);
            let text = tail.into_text(false).concat();
            let text = String::from_utf8_lossy(&text).into_owned();
            let gaps = text.lines().filter(|line| line.contains("are missing"));
            assert_eq!(gaps.count(), if continues { 2 } else { 1 }, "{text}");
        }
    }

    #[test]
    fn tails_without_lines_know_the_gap() {
        let mut tail = Tail::new(0, true);
        tail.add(2, lines(2..5));
        assert_eq!((numbers(&tail), tail.missed()), (vec![], 5));
        let mut tail = Tail::new(200, true);
        tail.add(5, Vec::new());
        assert_eq!(tail.missed(), 5);
        let text = tail.into_text(false).concat();
        assert!(text.starts_with(b"5 log lines are missing here"));
    }
}
