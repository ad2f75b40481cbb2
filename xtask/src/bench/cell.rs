//! The conditions under which variants are compared.

use std::fmt;

/// One row of the plan: every variant is measured under it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cell {
    /// The part of traces that is sampled.
    pub(crate) sampling: f64,
    /// Log lines per request, by the handler.
    pub(crate) lines: u16,
}

impl Cell {
    /// Everything sampled and one log line: what a service does with its defaults.
    pub(crate) const TYPICAL: Self = Self {
        sampling: 1.0,
        lines: 1,
    };
    /// What a busy service does.
    pub(crate) const BUSY: Self = Self {
        sampling: 0.01,
        lines: 1,
    };

    pub(crate) fn all() -> Vec<Self> {
        let lines = |sampling| [0, 1, 5].map(|lines| Self { sampling, lines });
        [1.0, 0.01, 0.0].into_iter().flat_map(lines).collect()
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.lines == 1 { "" } else { "s" };
        write!(
            f,
            "{} % sampled, {} log line{s}",
            self.sampling * 100.0,
            self.lines
        )
    }
}
