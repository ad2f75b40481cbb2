//! One recording rule: a query under a name, for those that would ask it all the time.

use super::{emit, timing::Timing};

/// A recording rule in the making.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    name: String,
    because: &'static str,
    expr: String,
    labels: Vec<(&'static str, String)>,
}

impl Record {
    /// What the result is called: level, metric, operations.
    pub(super) fn as_(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            because: "",
            expr: String::new(),
            labels: Vec::new(),
        }
    }

    /// A comment of the rule.
    pub(super) fn because(mut self, reason: &'static str) -> Self {
        self.because = reason;
        self
    }

    /// The query, line by line.
    pub(super) fn of(mut self, lines: &[&str]) -> Self {
        self.expr = lines.join("\n");
        self
    }

    /// A label for every result.
    pub(super) fn label(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.labels.push((name, value.into()));
        self
    }

    /// As an entry of a group's rules, six spaces in.
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
