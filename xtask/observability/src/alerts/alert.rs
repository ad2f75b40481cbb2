//! An alerting rule: its condition, duration, severity and annotations.

use super::{board::Board, emit, timing::Timing};
use crate::{addresses, promql::on_service};

/// How urgent an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Pages at any hour: users are affected now, and an operator can act.
    Critical,
    /// Opens a ticket, to be handled this week.
    Warning,
    /// Is only shown.
    ///
    /// The exception is the watchdog, which is sent to the heartbeat receiver.
    Info,
}

impl Severity {
    /// The value of the label `severity`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// Where an objective comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ObjectiveSource {
    /// It is declared in `objectives.yml`, and a breach pages.
    Declared,
    /// It is the default of services without a declaration, and a breach is a ticket.
    Default,
}

impl ObjectiveSource {
    /// The value of the label `objective`.
    fn as_str(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Default => "default",
        }
    }

    /// Restricts the preceding query to services with an objective from this source.
    ///
    /// `slo` is the prefix of the objective's series.
    pub(super) fn filter(self, slo: &str) -> String {
        let operator = match self {
            Self::Declared => "and",
            Self::Default => "unless",
        };
        format!(
            "{operator} {}\n{slo}:service_declared_objective_ratio",
            on_service(&[])
        )
    }
}

/// A builder of an alerting rule.
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
    /// An alert that pages.
    pub(super) fn page(name: &'static str) -> Self {
        Self::new(name, Severity::Critical)
    }

    /// An alert that opens a ticket.
    pub(super) fn ticket(name: &'static str) -> Self {
        Self::new(name, Severity::Warning)
    }

    /// An alert that is only shown.
    pub(super) fn info(name: &'static str) -> Self {
        Self::new(name, Severity::Info)
    }

    /// An alert on an objective: a page if it is declared, and otherwise a ticket.
    pub(super) fn of(source: ObjectiveSource, name: &'static str) -> Self {
        let alert = match source {
            ObjectiveSource::Declared => Self::page(name),
            ObjectiveSource::Default => Self::ticket(name),
        };
        alert.label("objective", source.as_str())
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

    /// Sets the reason for the alert and its limit, as a comment of the rule.
    pub(super) fn because(mut self, reason: &'static str) -> Self {
        self.because = reason;
        self
    }

    /// Sets the lines of the query.
    ///
    /// The alert is active while the query has a result.
    pub(super) fn when(mut self, lines: &[&str]) -> Self {
        self.expr = lines.join("\n");
        self
    }

    /// Sets how long the query must have a result before the alert fires.
    pub(super) fn lasting(mut self, duration: &'static str) -> Self {
        self.lasting = duration;
        self
    }

    /// Adds a label that distinguishes the alert from others of the same name.
    pub(super) fn label(mut self, name: &'static str, value: &str) -> Self {
        self.labels.push((name, value.to_owned()));
        self
    }

    /// Sets the summary: one sentence without values, which a pager shows first.
    pub(super) fn summary(mut self, sentence: &'static str) -> Self {
        self.summary = sentence;
        self
    }

    /// Sets the description, a template over the result of the query.
    ///
    /// The template can use the value and the labels of the result. The labels of [`Alert::label`] are not available in
    /// the template.
    pub(super) fn description(mut self, template: impl Into<String>) -> Self {
        self.description = template.into();
        self
    }

    /// Sets the dashboard that the alert links to.
    pub(super) fn on(mut self, board: Board) -> Self {
        self.board = board;
        self
    }

    /// All labels that the rule adds, the severity first.
    pub(super) fn own_labels(&self, timing: Timing) -> Vec<(&'static str, String)> {
        let severity = ("severity", self.severity.as_str().to_owned());
        let others = self.labels.iter();
        let others = others.map(|(name, value)| (*name, timing.apply(value)));
        std::iter::once(severity).chain(others).collect()
    }

    /// All annotations, in which templates are not filled in.
    pub(super) fn annotations(&self, timing: Timing) -> [(&'static str, String); 4] {
        [
            ("summary", self.summary.to_owned()),
            ("description", timing.apply(&self.description)),
            ("runbook_url", addresses::runbook(self.name)),
            ("dashboard_url", self.board.url(&self.description)),
        ]
    }

    /// The rule as an entry of a group, indented by six spaces.
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
