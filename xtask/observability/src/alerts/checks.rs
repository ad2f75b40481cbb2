//! Checks of the alerts that need no running service.

mod alert_lint;
mod completeness;
mod documented_queries;
mod function_names;
mod inhibition;
mod jq_commands;
mod needed_rules;
mod promtool;
mod routing;
mod rule;
mod runbook;

use anyhow::bail;
use support::{Cases, paths, tools};

/// Runs all checks.
pub(crate) fn cases(cases: &mut Cases) {
    for folder in super::alert_files::folders() {
        let name = format!("{}: up to date", folder.path);
        cases.check(&name, || folder.compare(paths::root()));
    }
    cases.check("runbooks: the index is up to date", super::index::compare);
    match rule::committed() {
        Ok(rules) => {
            for lint in alert_lint::LINTS {
                let name = format!("rule: {}", lint.name);
                cases.check(&name, || check_lint(lint, &rules));
            }
            completeness::cases(cases, &rules);
        }
        Err(error) => cases.failed("rules: can be read", &error),
    }
    jq_commands::cases(cases);
    documented_queries::cases(cases);
    match tools::prometheus() {
        Ok(prometheus) => promtool::cases(cases, &prometheus),
        Err(error) => cases.not_run("promtool: runs the alert tests", &format!("{error:#}")),
    }
    match tools::alertmanager() {
        Ok(alertmanager) => {
            routing::cases(cases, &alertmanager);
            inhibition::cases(cases, &alertmanager);
        }
        Err(error) => cases.not_run("Alertmanager: routes and inhibits", &format!("{error:#}")),
    }
}

/// Fails if a rule violates the lint, or if the lint accepts a violation.
fn check_lint(lint: &alert_lint::Lint, rules: &[rule::Rule]) -> anyhow::Result<()> {
    let objections = rules.iter().filter_map(|rule| {
        let objection = (lint.check)(rule)?;
        Some(format!("{}: {objection}", rule.name()))
    });
    let objections: Vec<_> = objections.collect();
    if !objections.is_empty() {
        bail!("{}", objections.join("\n"));
    }
    let Some(example) = rules
        .iter()
        .find(|rule| rule.name() == "WorkerQueueStalled")
    else {
        bail!("there is no WorkerQueueStalled to break");
    };
    let mut broken = example.clone();
    (lint.breaks)(&mut broken);
    if (lint.check)(&broken).is_none() {
        bail!("the lint accepts a rule that violates it");
    }
    Ok(())
}
