//! Checks that the dashboards, panels and metrics in runbooks exist.
//!
//! The slow query guide of the book, which runbooks refer to, has the same checks except for the sections. In these documents,
//! *italics* mark the titles of rows and panels. Queries are in `promql` blocks, one per line.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use anyhow::{Context as _, bail};
use serde_json::Value;
use support::paths;

use crate::{dashboards, expr, foreign};

/// The names and texts of all runbooks, without the index.
pub(super) fn all() -> anyhow::Result<BTreeMap<String, String>> {
    let folder = paths::root().join("docs/runbooks");
    let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut runbooks = BTreeMap::new();
    for entry in entries {
        let path = entry?.path();
        let name = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        if name != "README" {
            runbooks.insert(name.to_owned(), fs::read_to_string(&path)?);
        }
    }
    Ok(runbooks)
}

/// The runbooks, and the slow query guide of the book.
fn pages() -> anyhow::Result<BTreeMap<String, String>> {
    let mut pages = all()?;
    let path = paths::root().join("docs/book/src/slow-query.md");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    pages.insert("slow-query".to_owned(), text);
    Ok(pages)
}

/// The sections of a runbook, in this order.
const SECTIONS: [&str; 6] = [
    "## Meaning",
    "## Impact",
    "## Diagnosis",
    "## Mitigation",
    "## False alarms",
    "## Verified by",
];

pub(super) fn sections() -> anyhow::Result<()> {
    for (name, text) in all()? {
        let found: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("## "))
            .collect();
        if found != SECTIONS {
            bail!("{name}.md has the sections {found:?}, expected {SECTIONS:?}");
        }
        if !text.starts_with(&format!("# {name}\n")) {
            bail!("{name}.md does not begin with its name");
        }
    }
    Ok(())
}

/// The runbooks that do not ask an instance of a service first, and why.
const NOT_ASKED: [(&str, &str); 5] = [
    (
        "PostgresReplicaDisconnected",
        "a service does not know the replicas of its server",
    ),
    (
        "PostgresReplicationLag",
        "a service does not know how far the replicas of its server are behind",
    ),
    (
        "ServiceAbsent",
        "there may be no instance, and whether there is one is the first question",
    ),
    ("Watchdog", "it is about Prometheus and Alertmanager"),
    (
        "WorkerQueueUnwatched",
        "the workers are gone, and the instances that are left do not know the state of their queue",
    ),
];

/// Fails unless the first command of each runbook is `ask explain`.
///
/// It says what is wrong with an instance, with the evidence and the next command. Steps of the page come after it.
pub(super) fn first_commands() -> anyhow::Result<()> {
    for (name, text) in all()? {
        let diagnosis = text.split("## Diagnosis\n").nth(1).unwrap_or_default();
        let first_step = diagnosis.find("\n1. ").unwrap_or(diagnosis.len());
        let asks = diagnosis[..first_step].contains("```sh\nask explain ");
        let reason = NOT_ASKED.into_iter().find(|(other, _)| *other == name);
        match (asks, reason) {
            (false, None) => bail!(
                "{name}.md: found no `ask explain` as the first command of the diagnosis, above its first step; \
                 add it, or the reason to NOT_ASKED"
            ),
            (true, Some((_, reason))) => {
                bail!("{name}.md: found `ask explain`, and in NOT_ASKED: {reason}")
            }
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn panels() -> anyhow::Result<()> {
    let boards = dashboards::all();
    let uids: BTreeSet<_> = boards.iter().map(|board| board.uid()).collect();
    let mut titles = BTreeSet::new();
    for board in &boards {
        collect_titles(&board.json(), &mut titles);
    }
    let mut wrong = Vec::new();
    for (name, text) in pages()? {
        let prose = prose(&text);
        let italics = prose.split('*').skip(1).step_by(2);
        let lost = italics.filter(|title| !titles.contains(*title));
        wrong.extend(lost.map(|title| format!("{name}.md: no dashboard has {title:?}")));
        for rest in text.split("`firstlight-").skip(1) {
            let uid = format!("firstlight-{}", rest.split('`').next().unwrap_or_default());
            if !uids.contains(&uid) {
                wrong.push(format!("{name}.md: there is no dashboard {uid}"));
            }
        }
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(())
}

fn collect_titles(json: &Value, titles: &mut BTreeSet<String>) {
    titles.extend(json["title"].as_str().map(str::to_owned));
    for panel in json["panels"].as_array().into_iter().flatten() {
        collect_titles(panel, titles);
    }
}

/// The text without code and without the markers of bold text.
fn prose(text: &str) -> String {
    let without_blocks: String = text.split("```").step_by(2).collect();
    let without_code: String = without_blocks.split('`').step_by(2).collect();
    without_code.replace("**", "")
}

pub(super) fn queries() -> anyhow::Result<()> {
    for (name, text) in pages()? {
        let blocks = text.split("```promql\n").skip(1);
        let blocks = blocks.filter_map(|rest| rest.split("```").next());
        let lines = blocks.flat_map(str::lines).map(str::trim);
        for query in lines.filter(|line| !line.is_empty()) {
            let tree = expr::parse(query).with_context(|| format!("{name}.md"))?;
            for metric in expr::selectors(&tree)
                .into_iter()
                .filter_map(|selector| selector.name.as_ref())
            {
                if expr::metric(metric).is_none() && foreign::labels(metric).is_none() {
                    bail!("{name}.md asks for {metric}, which does not exist");
                }
            }
        }
    }
    Ok(())
}
