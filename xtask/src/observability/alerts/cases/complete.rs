//! That nothing is there without its other half: alerts and runbooks, alerts and drills, what rules record and what is asked for.

use std::{collections::BTreeSet, fs};

use anyhow::{Context as _, bail};

use super::rule::{self, Rule};
use crate::{
    observability::{
        alerts::{ALWAYS, board::UIDS, drill::Expected, drills, files, names},
        dashboards, foreign,
    },
    paths,
    test::Cases,
};

pub(super) fn cases(cases: &mut Cases, rules: &[Rule]) {
    cases.check(
        "every alert has a runbook, and every runbook an alert",
        runbooks,
    );
    cases.check("every runbook says all that a runbook says", sections);
    cases.check(
        "every alert is drilled: it fires, stays quiet in a blip, and resolves",
        drilled,
    );
    cases.check(
        "every metric that rules record is listed with its labels, and every listed one recorded",
        || recorded(rules),
    );
    cases.check("alerts know the dashboards that there are", boards);
    cases.check("the Prometheus Operator gets the same rules", operator);
}

/// Their names, without the folder's own page.
fn runbook_names() -> anyhow::Result<BTreeSet<String>> {
    let folder = paths::root().join("docs/runbooks");
    let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let names = entries.filter_map(|entry| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        name.strip_suffix(".md")
            .filter(|name| *name != "README")
            .map(str::to_owned)
    });
    Ok(names.collect())
}

fn same(what: &str, found: &BTreeSet<String>, expected: &BTreeSet<String>) -> anyhow::Result<()> {
    let missing: Vec<_> = expected.difference(found).collect();
    let extra: Vec<_> = found.difference(expected).collect();
    if !missing.is_empty() || !extra.is_empty() {
        bail!("{what}: missing {missing:?}, and nobody needs {extra:?}");
    }
    Ok(())
}

fn runbooks() -> anyhow::Result<()> {
    let alerts = names().into_iter().map(str::to_owned).collect();
    same("docs/runbooks", &runbook_names()?, &alerts)
}

/// In this order; the index names each page.
const SECTIONS: [&str; 6] = [
    "## Meaning",
    "## Impact",
    "## Diagnosis",
    "## Mitigation",
    "## False alarms",
    "## Verified by",
];

fn sections() -> anyhow::Result<()> {
    let folder = paths::root().join("docs/runbooks");
    let index = fs::read_to_string(folder.join("README.md"))?;
    for name in runbook_names()? {
        let text = fs::read_to_string(folder.join(format!("{name}.md")))?;
        let found: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("## "))
            .collect();
        if found != SECTIONS {
            bail!("{name}.md has the sections {found:?}, expected {SECTIONS:?}");
        }
        if !index.contains(&format!("({name}.md)")) {
            bail!("docs/runbooks/README.md does not name {name}.md");
        }
        for uid in text.split("firstlight-").skip(1) {
            let end = uid
                .find(|c: char| !c.is_ascii_lowercase())
                .unwrap_or(uid.len());
            let uid = format!("firstlight-{}", uid.split_at(end).0);
            if !UIDS.contains(&uid.as_str()) {
                bail!("{name}.md names {uid}, which is no dashboard");
            }
        }
    }
    Ok(())
}

fn drilled() -> anyhow::Result<()> {
    let drills: Vec<_> = drills()
        .into_iter()
        .flat_map(|(_, drills)| drills)
        .collect();
    for name in names() {
        let moments = || {
            drills
                .iter()
                .filter(|drill| drill.alert() == name)
                .flat_map(|drill| &drill.moments)
        };
        let has = |wanted: fn(&Expected) -> bool| moments().any(|moment| wanted(&moment.expected));
        let fires = has(|expected| matches!(expected, Expected::Fires { .. }));
        let blip = has(|expected| matches!(expected, Expected::Blip));
        let resolves = has(|expected| matches!(expected, Expected::Resolved { .. }));
        // It does neither.
        let rests = name == ALWAYS || blip && resolves;
        if !fires || !rests {
            bail!(
                "{name}: found fires {fires}, blip {blip}, resolves {resolves}; expected all three"
            );
        }
    }
    Ok(())
}

fn recorded(rules: &[Rule]) -> anyhow::Result<()> {
    // Prometheus makes the first of alerts; the others are in the example, which is a comment.
    let by_others = |name: &str| name == "ALERTS" || name.contains(":declared_");
    let listed = foreign::recorded()
        .filter(|name| !by_others(name))
        .map(str::to_owned)
        .collect();
    let made = rules
        .iter()
        .filter_map(|rule| rule.record.clone())
        .collect();
    same("what foreign.rs lists", &listed, &made)
}

fn boards() -> anyhow::Result<()> {
    let known = UIDS.into_iter().map(str::to_owned).collect();
    let there = dashboards::all()
        .iter()
        .map(|board| board.uid().to_owned())
        .collect();
    same("board.rs", &known, &there)
}

fn operator() -> anyhow::Result<()> {
    let text = fs::read_to_string(files::folder().join("prometheusrule.yaml"))?;
    let documents = text
        .split("\n---\n")
        .map(crate::yaml::parse)
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
