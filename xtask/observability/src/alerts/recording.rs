//! A recording rule: a named query that several rules or panels share.

use super::{emit, timing::Timing};

/// A builder of a recording rule.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    name: String,
    because: &'static str,
    expr: String,
    labels: Vec<(&'static str, String)>,
}

impl Record {
    /// A rule that records a series of this name, as `level:metric:operations`.
    pub(super) fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            because: "",
            expr: String::new(),
            labels: Vec::new(),
        }
    }

    /// Sets the reason for the rule, which becomes its comment.
    pub(super) fn because(mut self, reason: &'static str) -> Self {
        self.because = reason;
        self
    }

    /// Sets the lines of the query.
    pub(super) fn expr(mut self, lines: &[&str]) -> Self {
        self.expr = lines.join("\n");
        self
    }

    /// Adds a label to every result.
    pub(super) fn label(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.labels.push((name, value.into()));
        self
    }

    /// The rule as an entry of a group, indented by six spaces.
    pub(super) fn to_yaml(&self, timing: Timing) -> String {
        let mut text = emit::comment(6, self.because);
        text += &format!("      - record: {}\n", self.name);
        text += &emit::entry(8, "expr", &timing.apply(&self.expr));
        if !self.labels.is_empty() {
            text += "        labels:\n";
        }
        for (name, value) in &self.labels {
            text += &emit::entry(10, name, value);
        }
        text
    }
}
