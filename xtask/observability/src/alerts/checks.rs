//! What `cargo xtask test` checks of the alerts without a running service.

mod book;
mod commands;
mod complete;
mod inhibition;
mod lint;
mod promtool;
mod routing;
mod rule;
mod runbook;

use anyhow::bail;
use support::{Cases, paths, tools};

/// All of it.
pub(crate) fn cases(cases: &mut Cases) {
    for folder in super::output::folders() {
        let name = format!("{} is what the code says", folder.path);
        cases.check(&name, || folder.compare(paths::root()));
    }
    cases.check(
        "the index of the runbooks is what the code says",
        super::index::compare,
    );
    match rule::committed() {
        Ok(rules) => {
            for lint in lint::LINTS {
                let name = format!("every rule {}", lint.name);
                cases.check(&name, || holds(lint, &rules));
            }
            complete::cases(cases, &rules);
        }
        Err(error) => cases.failed("the committed rules can be read", &error),
    }
    commands::cases(cases);
    book::cases(cases);
    match tools::prometheus() {
        Ok(prometheus) => promtool::cases(cases, &prometheus),
        Err(error) => cases.not_run("the tests of every alert", &format!("{error:#}")),
    }
    match tools::alertmanager() {
        Ok(alertmanager) => {
            routing::cases(cases, &alertmanager);
            inhibition::cases(cases, &alertmanager);
        }
        Err(error) => cases.not_run("a real Alertmanager", &format!("{error:#}")),
    }
}

/// Whether no rule breaks it, and one that was broken on purpose is found.
fn holds(lint: &lint::Lint, rules: &[rule::Rule]) -> anyhow::Result<()> {
    let objections = rules.iter().filter_map(|rule| {
        let objection = (lint.objects)(rule)?;
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
    if (lint.objects)(&broken).is_none() {
        bail!("it does not object to a rule that breaks it");
    }
    Ok(())
}
