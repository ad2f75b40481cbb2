//! Lints of the name, the severity and the annotations of a rule.

use support::paths;

use super::Rule;
use crate::{alerts::ALWAYS, dashboards, expr};

/// The alerts that may page, with their effect on users.
const SYMPTOMS: [&str; 6] = [
    "GrpcAvailabilityBudgetBurn", // Calls fail.
    "HttpAvailabilityBudgetBurn", // Requests fail.
    "HttpLatencyBudgetBurn",      // Requests are slow.
    "ServiceAbsent",              // Nothing answers.
    "ServiceDown",                // Nothing answers.
    "WorkerQueueStalled",         // Accepted jobs are not done in time.
];

pub(super) fn severity(rule: &Rule) -> Option<String> {
    rule.alert.as_ref()?;
    let found = rule.labels.get("severity").map_or("", String::as_str);
    let known = ["critical", "warning", "info"].contains(&found);
    (!known).then(|| format!("found the severity {found:?}, expected critical, warning or info"))
}

pub(super) fn pages_without_a_symptom(rule: &Rule) -> Option<String> {
    let alert = rule.alert.as_deref()?;
    (rule.pages() && !SYMPTOMS.contains(&alert))
        .then(|| "it pages, but is not listed as a symptom".to_owned())
}

pub(super) fn name(rule: &Rule) -> Option<String> {
    let name = rule.name();
    let follows = if rule.alert.is_some() {
        name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.chars().all(|c| c.is_ascii_alphanumeric())
    } else {
        name.split(':').count() == 3
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_:".contains(c))
    };
    (!follows).then(|| format!("{name:?} does not follow the convention"))
}

pub(super) fn summary(rule: &Rule) -> Option<String> {
    rule.alert.as_ref()?;
    let summary = rule.annotation("summary");
    let sentence = summary.starts_with(|c: char| c.is_uppercase()) && summary.ends_with('.');
    (!sentence || summary.contains("{{")).then(|| format!("found the summary {summary:?}"))
}

/// Objects to a description without a service or a server, or with an empty label.
///
/// Labels that the rule itself adds are not in `$labels`, so they would be empty.
pub(super) fn description(rule: &Rule) -> Option<String> {
    let alert = rule.alert.as_ref()?;
    let text = rule.annotation("description");
    if !text.contains("{{ $labels.job }}")
        && !text.contains("{{ $labels.server }}")
        && alert != ALWAYS
    {
        return Some(format!("it names no service or server: {text:?}"));
    }
    let labels = expr::labels(&expr::parse(&rule.expr).ok()?);
    let mut named = text.split("$labels.").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        rest.split_at(end.unwrap_or(rest.len())).0
    });
    let missing = named.find(|label| !labels.has(label))?;
    Some(format!("its query has no label {missing}"))
}

pub(super) fn links(rule: &Rule) -> Option<String> {
    let alert = rule.alert.as_ref()?;
    let runbook = rule.annotation("runbook_url");
    if !runbook.ends_with(&format!("/docs/runbooks/{alert}.md")) {
        return Some(format!("found the runbook {runbook:?}"));
    }
    if !paths::root()
        .join(format!("docs/runbooks/{alert}.md"))
        .exists()
    {
        return Some(format!("docs/runbooks/{alert}.md is missing"));
    }
    let url = rule.annotation("dashboard_url");
    let uid = url
        .split("/d/")
        .nth(1)
        .and_then(|rest| rest.split('?').next());
    let known = dashboards::all()
        .iter()
        .any(|board| Some(board.uid().as_str()) == uid);
    (!known).then(|| format!("there is no such dashboard: {url:?}"))
}
