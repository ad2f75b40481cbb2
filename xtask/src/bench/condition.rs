//! The conditions under which variants are compared.

use std::fmt;

use serde_json::Value;

/// A condition under which every variant is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Condition {
    /// The fraction of traces that is sampled.
    pub(crate) sampling: f64,
    /// Log lines of the handler per request.
    pub(crate) lines: u16,
}

impl Condition {
    /// All traces sampled and one log line: a service with the defaults.
    pub(crate) const TYPICAL: Self = Self {
        sampling: 1.0,
        lines: 1,
    };
    /// 1 % of traces sampled and one log line: a busy service.
    pub(crate) const BUSY: Self = Self {
        sampling: 0.01,
        lines: 1,
    };

    pub(crate) fn all() -> Vec<Self> {
        let lines = |sampling| [0, 1, 5].map(|lines| Self { sampling, lines });
        [1.0, 0.01, 0.0].into_iter().flat_map(lines).collect()
    }

    /// The conditions of counts of instructions, and of the goals.
    pub(crate) fn counted() -> Vec<Self> {
        let lines = |sampling| [1, 5].map(|lines| Self { sampling, lines });
        [1.0, 0.01].into_iter().flat_map(lines).collect()
    }

    /// Reads the condition of a stored measurement.
    pub(crate) fn load(stored: &Value) -> Option<Self> {
        Some(Self {
            sampling: stored.get("sampling")?.as_f64()?,
            lines: u16::try_from(stored.get("lines")?.as_u64()?).ok()?,
        })
    }
}

impl fmt::Display for Condition {
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
