//! One alert: what must be so, for how long, who is told, and what they read.

use super::{board::Board, emit, timing::Timing};
use crate::{dashboards::runbook_address, promql::on_service};

/// How urgent an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Is a page, also at night: users are hurt now, and a person can do something about it.
    Critical,
    /// Is a ticket: wants to be done this week.
    Warning,
    /// Is shown, and sent nowhere but to who watches the watchers.
    Info,
}

impl Severity {
    /// As the label has it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// Who has said how good a service has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    /// Its team, in `objectives.yml`: to break it wakes them.
    Declared,
    /// The rules, for every service that has declared nothing: to break it is a ticket.
    Default,
}

impl Promise {
    /// The value of the label `objective`.
    fn word(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Default => "default",
        }
    }

    /// Of what is before it in a query, what has such an objective; `slo` is the beginning of its series.
    pub(super) fn filter(self, slo: &str) -> String {
        let operator = match self {
            Self::Declared => "and",
            Self::Default => "unless",
        };
        format!(
            "{operator} {}\n{slo}:promised_objective_ratio",
            on_service(&[])
        )
    }
}

/// An alert in the making; reads as a sentence from its name to its dashboard.
#[derive(Debug, Clone)]
pub(crate) struct Alert {
    pub(super) name: &'static str,
    pub(super) severity: Severity,
    because: &'static str,
    pub(super) expr: String,
    lasting: &'static str,
    labels: Vec<(&'static str, String)>,
    pub(super) summary: &'static str,
    description: String,
    board: Board,
}

impl Alert {
    /// Is a page.
    pub(super) fn page(name: &'static str) -> Self {
        Self::new(name, Severity::Critical)
    }

    /// Is dealt with at a desk.
    pub(super) fn ticket(name: &'static str) -> Self {
        Self::new(name, Severity::Warning)
    }

    /// Is only shown.
    pub(super) fn info(name: &'static str) -> Self {
        Self::new(name, Severity::Info)
    }

    /// Is a page where a declared objective is broken, and a ticket where it is the default.
    pub(super) fn of(promise: Promise, name: &'static str) -> Self {
        let alert = match promise {
            Promise::Declared => Self::page(name),
            Promise::Default => Self::ticket(name),
        };
        alert.label("objective", promise.word())
    }

    fn new(name: &'static str, severity: Severity) -> Self {
        Self {
            name,
            severity,
            because: "",
            expr: String::new(),
            lasting: "0m",
            labels: Vec::new(),
            summary: "",
            description: String::new(),
            board: Board::Overview,
        }
    }

    /// Why it is there and why at this limit; a comment of the rule.
    pub(super) fn because(mut self, reason: &'static str) -> Self {
        self.because = reason;
        self
    }

    /// The query, line by line: it is time for this alert when it has a result.
    pub(super) fn when(mut self, lines: &[&str]) -> Self {
        self.expr = lines.join("\n");
        self
    }

    /// How long it must be so without a break.
    pub(super) fn lasting(mut self, duration: &'static str) -> Self {
        self.lasting = duration;
        self
    }

    /// Tells it from others of its name.
    pub(super) fn label(mut self, name: &'static str, value: &str) -> Self {
        self.labels.push((name, value.to_owned()));
        self
    }

    /// What the pager shows first: one sentence that is always the same.
    pub(super) fn summary(mut self, sentence: &'static str) -> Self {
        self.summary = sentence;
        self
    }

    /// What is wrong where, and how much; a template over the value and the labels of the query's result, which those of
    /// [`Alert::label`] are not among.
    pub(super) fn description(mut self, template: impl Into<String>) -> Self {
        self.description = template.into();
        self
    }

    /// Where to look first.
    pub(super) fn on(mut self, board: Board) -> Self {
        self.board = board;
        self
    }

    /// All labels that the rule itself adds, the severity first.
    pub(super) fn own_labels(&self, timing: Timing) -> Vec<(&'static str, String)> {
        let severity = ("severity", self.severity.word().to_owned());
        let others = self.labels.iter();
        let others = others.map(|(name, value)| (*name, timing.apply(value)));
        std::iter::once(severity).chain(others).collect()
    }

    /// All annotations, the description as a template.
    pub(super) fn annotations(&self, timing: Timing) -> [(&'static str, String); 4] {
        [
            ("summary", self.summary.to_owned()),
            ("description", timing.apply(&self.description)),
            ("runbook_url", runbook_address(self.name)),
            ("dashboard_url", self.board.url(&self.description)),
        ]
    }

    /// As an entry of a group's rules, six spaces in.
    pub(super) fn to_yaml(&self, timing: Timing) -> String {
        let mut text = emit::comment(6, self.because);
        text += &format!("      - alert: {}\n", self.name);
        text += &emit::entry(8, "expr", &timing.apply(&self.expr));
        text += &format!(
            "        for: {}\n        labels:\n",
            timing.apply(self.lasting)
        );
        for (name, value) in self.own_labels(timing) {
            text += &emit::entry(10, name, &value);
        }
        text += "        annotations:\n";
        for (name, value) in self.annotations(timing) {
            text += &emit::entry(10, name, &value);
        }
        text
    }
}
