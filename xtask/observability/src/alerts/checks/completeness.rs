//! Checks that alerts, runbooks, tests, recorded series and dashboards match.

use std::{collections::BTreeSet, fs};

use anyhow::bail;
use support::Cases;

use super::{
    rule::{self, Rule},
    runbook,
};
use crate::{
    alerts::{ALWAYS, alert_files, alert_test::Expected, alert_tests, board::UIDS, names},
    dashboards, foreign,
};

pub(super) fn cases(cases: &mut Cases, rules: &[Rule]) {
    cases.check("runbooks: one for every alert, and no other", runbooks);
    cases.check("runbooks: have all sections", runbook::sections);
    cases.check("runbooks: ask an instance first", runbook::first_commands);
    cases.check(
        "guides: name existing dashboards and panels",
        runbook::panels,
    );
    cases.check(
        "guides: queries parse, over existing metrics",
        runbook::queries,
    );
    cases.check(
        "alerts: tested to fire, ignore a transient and resolve",
        tested,
    );
    cases.check("recorded series: the list matches the rules", || {
        recorded(rules)
    });
    cases.check("board.rs: the uids match the dashboards", boards);
    cases.check("prometheusrule.yaml: has the same rules", operator);
}

/// Fails if the sets differ. The error starts with `what`.
fn same(what: &str, found: &BTreeSet<String>, expected: &BTreeSet<String>) -> anyhow::Result<()> {
    let missing: Vec<_> = expected.difference(found).collect();
    let extra: Vec<_> = found.difference(expected).collect();
    if !missing.is_empty() || !extra.is_empty() {
        bail!("{what}: missing {missing:?}, unexpected {extra:?}");
    }
    Ok(())
}

fn runbooks() -> anyhow::Result<()> {
    let found = runbook::all()?.into_keys().collect();
    let alerts = names().into_iter().map(str::to_owned).collect();
    same("docs/runbooks", &found, &alerts)
}

fn tested() -> anyhow::Result<()> {
    let alert_tests: Vec<_> = alert_tests()
        .into_iter()
        .flat_map(|(_, alert_tests)| alert_tests)
        .collect();
    for name in names() {
        let moments = || {
            alert_tests
                .iter()
                .filter(|test| test.alert() == name)
                .flat_map(|test| &test.moments)
        };
        let has = |wanted: fn(&Expected) -> bool| moments().any(|moment| wanted(&moment.expected));
        let fires = has(|expected| matches!(expected, Expected::Fires { .. }));
        let transient = has(|expected| matches!(expected, Expected::Transient));
        let resolves = has(|expected| matches!(expected, Expected::Resolved { .. }));
        // The watchdog fires at all times.
        let is_quiet = name == ALWAYS || transient && resolves;
        if !fires || !is_quiet {
            bail!(
                "{name}: found fires {fires}, transient {transient}, resolves {resolves} in the alert tests; expected all three"
            );
        }
    }
    Ok(())
}

fn recorded(rules: &[Rule]) -> anyhow::Result<()> {
    // Prometheus itself writes `ALERTS`. Users write the rules of declared objectives, of which the
    // committed file has only a commented-out example.
    let has_no_rule = |name: &str| name == "ALERTS" || name.contains(":declared_");
    let listed = foreign::recorded()
        .filter(|name| !has_no_rule(name))
        .map(str::to_owned)
        .collect();
    let recorded = rules
        .iter()
        .filter_map(|rule| rule.record.clone())
        .collect();
    same("the list in foreign.rs", &listed, &recorded)
}

fn boards() -> anyhow::Result<()> {
    let known = UIDS.into_iter().map(str::to_owned).collect();
    let existing = dashboards::all()
        .iter()
        .map(|board| board.uid().to_owned())
        .collect();
    same("board.rs", &known, &existing)
}

fn operator() -> anyhow::Result<()> {
    let text = fs::read_to_string(alert_files::folder().join("prometheusrule.yaml"))?;
    let documents = text
        .split("\n---\n")
        .map(support::yaml::parse)
        .collect::<anyhow::Result<Vec<_>>>()?;
    let files = ["objectives.yml", "firstlight.rules.yml"];
    if documents.len() != files.len() {
        bail!(
            "found {} documents, expected {}",
            documents.len(),
            files.len()
        );
    }
    for (document, file) in documents.iter().zip(files) {
        if document.pointer("/spec/groups") != Some(&rule::groups(file)?) {
            bail!("prometheusrule.yaml and {file} have different groups");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    fn assert_ok(checked: anyhow::Result<()>) {
        assert_eq!(checked.map_err(|error| error.to_string()), Ok(()));
    }

    #[test]
    fn each_alert_has_a_runbook() {
        assert_ok(super::runbooks());
    }

    #[test]
    fn runbooks_ask_an_instance_first() {
        assert_ok(super::runbook::first_commands());
    }

    #[test]
    fn each_alert_is_tested() {
        assert_ok(super::tested());
    }
}
