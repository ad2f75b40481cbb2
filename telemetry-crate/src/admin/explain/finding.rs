//! One thing that is wrong, or that an operator should know.

use serde_json::{Value, json};

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

    pub(super) fn runbook(mut self, name: &'static str) -> Self {
        self.runbook = Some(name);
        self
    }

    pub(super) fn text(&self, number: usize, host: &str) -> String {
        let mut text = format!("\n{number}. {}: {}\n", self.severity.word(), self.what);
        for evidence in &self.evidence {
            text += &format!("   {evidence}\n");
        }
        text += &format!("   next: curl '{host}{}'\n", self.next);
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
