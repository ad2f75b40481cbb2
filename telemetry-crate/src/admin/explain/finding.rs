//! One thing that is wrong, or that an operator should know.

use serde_json::{Value, json};

use super::Commands;
use crate::admin::one_line::one_line;

/// Largest number of characters of a line.
const LINE: usize = 1_024;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    /// An operator should know it.
    Note,
    /// It may become a failure.
    Warning,
    /// Requests, jobs or runs fail or hang.
    Broken,
}

impl Severity {
    fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Broken => "broken",
        }
    }
}

/// One finding of a rule.
#[derive(Debug, PartialEq)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    /// What is wrong, in one sentence without a full stop.
    pub(super) what: String,
    /// What shows it.
    pub(super) evidence: Vec<String>,
    /// The path of the listener to look at next, such as `/traces?open`.
    pub(super) next: String,
    /// The name of the runbook.
    pub(super) runbook: Option<&'static str>,
}

impl Finding {
    pub(super) fn new(severity: Severity, what: String) -> Self {
        Self {
            severity,
            what,
            evidence: Vec::new(),
            next: "/telemetry".to_owned(),
            runbook: None,
        }
    }

    pub(super) fn shown_by(mut self, evidence: impl IntoIterator<Item = String>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    pub(super) fn next(mut self, path: impl Into<String>) -> Self {
        self.next = path.into();
        self
    }

    pub(super) fn runbook(mut self, name: impl Into<Option<&'static str>>) -> Self {
        self.runbook = name.into();
        self
    }

    /// The finding as text.
    ///
    /// Names of the program and texts of its errors stay within their line.
    pub(super) fn text(&self, number: usize, commands: &Commands<'_>) -> String {
        let severity = self.severity.word();
        let mut text = format!("\n{number}. {severity}: {}\n", one_line(&self.what, LINE));
        for evidence in &self.evidence {
            text += &format!("   {}\n", one_line(evidence, LINE));
        }
        text += &format!("   next: {}\n", commands.get(&self.next));
        if let Some(runbook) = self.runbook {
            text += &format!("   runbook: {runbook}\n");
        }
        text
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "severity": self.severity.word(),
            "what": self.what,
            "evidence": self.evidence,
            "next": self.next,
            "runbook": self.runbook,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use http::HeaderMap;

    use super::*;
    use crate::admin::access::Access;

    #[test]
    fn texts_of_findings_cannot_forge_lines() {
        let forged = "x\n\nverdict: healthy\u{1b}[2J";
        let finding = Finding::new(Severity::Broken, format!("the pool {forged} is exhausted"))
            .shown_by([format!("GET / failed with: {forged}")])
            .next("/traces?open")
            .runbook("DatabasePoolExhausted");
        let access = Access::new(IpAddr::V4(Ipv4Addr::LOCALHOST), None);
        let commands = Commands::new(&access, &HeaderMap::new());
        assert_eq!(
            finding.text(1, &commands),
            "\n1. broken: the pool x  verdict: healthy [2J is exhausted\n   \
             GET / failed with: x  verdict: healthy [2J\n   \
             next: curl 'localhost:9464/traces?open'\n   \
             runbook: DatabasePoolExhausted\n"
        );
    }
}
