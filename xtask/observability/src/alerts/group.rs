//! Groups of rules, which Prometheus evaluates together and in order.
//!
//! A rule sees what earlier rules of its group have recorded.

use super::{alert::Alert, emit, recording::Record, timing::Timing};

/// A group of a rule file.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    name: &'static str,
    about: String,
    interval: Option<&'static str>,
    example: Vec<Record>,
    records: Vec<Record>,
    pub(super) alerts: Vec<Alert>,
}

impl Group {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            about: String::new(),
            interval: None,
            example: Vec::new(),
            records: Vec::new(),
            alerts: Vec::new(),
        }
    }

    /// Sets the comment of the group.
    pub(super) fn about(mut self, text: impl Into<String>) -> Self {
        self.about = text.into();
        self
    }

    /// Sets the interval of evaluation, instead of the server's.
    pub(super) fn every(mut self, interval: &'static str) -> Self {
        self.interval = Some(interval);
        self
    }

    /// Adds recording rules for users to adopt, as a comment before the other rules.
    pub(super) fn example(mut self, records: impl IntoIterator<Item = Record>) -> Self {
        self.example.extend(records);
        self
    }

    /// Adds recording rules, which precede all alerts.
    pub(super) fn records(mut self, records: impl IntoIterator<Item = Record>) -> Self {
        self.records.extend(records);
        self
    }

    pub(super) fn alerts(mut self, alerts: impl IntoIterator<Item = Alert>) -> Self {
        self.alerts.extend(alerts);
        self
    }

    /// The group as an entry of `groups`, indented by two spaces.
    pub(super) fn to_yaml(&self, timing: Timing) -> String {
        let mut text = emit::comment(2, &self.about);
        text += &format!("  - name: {}\n", self.name);
        if let Some(interval) = self.interval {
            text += &format!("    interval: {}\n", timing.apply(interval));
        }
        text += "    rules:\n";
        for line in self
            .example
            .iter()
            .flat_map(|record| commented(&record.to_yaml(timing)))
        {
            text += &line;
        }
        if !self.example.is_empty() {
            text.push('\n');
        }
        let records = self.records.iter().map(|record| record.to_yaml(timing));
        let alerts = self.alerts.iter().map(|alert| alert.to_yaml(timing));
        text += &records.chain(alerts).collect::<Vec<_>>().join("\n");
        text
    }
}

/// The lines of a rule as comments, at the rule's indent.
fn commented(rule: &str) -> Vec<String> {
    let lines = rule.lines();
    let commented = lines.map(|line| format!("      # {}\n", line.get(6..).unwrap_or_default()));
    commented.collect()
}

/// The text of a rule file, without its header.
pub(super) fn file(groups: &[Group], timing: Timing) -> String {
    let groups: Vec<_> = groups.iter().map(|group| group.to_yaml(timing)).collect();
    format!("groups:\n{}", groups.join("\n"))
}
