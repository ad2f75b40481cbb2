//! Validates the workflows and forms of this repository's GitHub.
//!
//! The validators are those of the workflows that the template generates.

use std::{collections::BTreeSet, process::Command};

use anyhow::{Context as _, ensure};
use support::{
    Cases, command, files, paths,
    tools::{self, builtin_schema},
    validate,
};

/// The folders with a lock file.
const LOCKS: [&str; 5] = [
    "",
    "xtask/bench",
    "xtask/fuzz",
    "xtask/integrations",
    "xtask/model",
];

pub(super) fn cases(cases: &mut Cases) -> anyhow::Result<()> {
    // The validators write a copy with a mistake beside the files.
    let folder = paths::fresh("github")?.join(".github");
    files::write(&folder, &files::read(&paths::root().join(".github"))?)?;
    let (workflows, forms) = (folder.join("workflows"), folder.join("ISSUE_TEMPLATE"));
    let both = ["ci.yml", "release.yml"];
    validate(
        cases,
        "schema: the workflows of GitHub",
        &workflows,
        &both,
        ("runs-on:", "runs-at:"),
        || builtin_schema(&["vendor.github-workflows"]),
    );
    validate(
        cases,
        "schema: the jobs have a time limit",
        &workflows,
        &both,
        ("timeout-minutes: 120", "continue-on-error: true"),
        || builtin_schema(&["custom.github-workflows-require-timeout"]),
    );
    validate(
        cases,
        "schema: dependabot.yml",
        &folder,
        &["dependabot.yml"],
        ("interval: weekly", "interval: sometimes"),
        || builtin_schema(&["vendor.dependabot"]),
    );
    validate(
        cases,
        "schema: the forms of issues",
        &forms,
        &["bug.yml", "feature.yml"],
        ("required: true", "required: often"),
        || builtin_schema(&["vendor.github-issue-forms"]),
    );
    validate(
        cases,
        "schema: the choice of forms",
        &forms,
        &["config.yml"],
        ("contact_links:", "contacts:"),
        || builtin_schema(&["vendor.github-issue-config"]),
    );
    validate(
        cases,
        "zizmor: no findings in the workflows",
        &workflows,
        &["release.yml", "ci.yml", "../dependabot.yml"],
        ("persist-credentials: false", "fetch-depth: 1"),
        tools::zizmor,
    );
    cases.check("actions: pinned as in the template", || {
        let ours = uses(".github/workflows")?;
        let template = uses("template/.github/workflows")?;
        ensure!(!template.is_empty(), "the template uses no action");
        for action in &ours {
            let (name, version) = action.split_once('@').unwrap_or((action, ""));
            let commit = version.split(' ').next().unwrap_or_default();
            ensure!(
                commit.len() == 40 && version.contains(" # v"),
                "found {action}, expected {name}@<commit> # v<version>"
            );
            let same = |other: &&String| other.starts_with(&format!("{name}@"));
            if let Some(other) = template.iter().find(same) {
                ensure!(
                    action == other,
                    "found {action}, and {other} in the template; versions.md describes how to change it"
                );
            }
        }
        Ok(())
    });
    cases.check("lock files: each fits its manifests", || {
        for lock in LOCKS {
            let mut metadata = Command::new("cargo");
            metadata
                .args(["metadata", "--locked", "--format-version", "1"])
                .current_dir(paths::root().join(lock));
            command::run_quietly(&mut metadata).with_context(|| {
                format!("cargo update --workspace in /{lock} writes its Cargo.lock")
            })?;
        }
        Ok(())
    });
    cases.check("dependabot: every lock file is updated", || {
        let config = std::fs::read_to_string(folder.join("dependabot.yml"))?;
        for lock in LOCKS {
            let line = format!("      - /{lock}\n");
            ensure!(config.contains(&line), "dependabot.yml has no {line:?}");
        }
        Ok(())
    });
    Ok(())
}

/// The actions of all workflows in `folder`, with their versions.
fn uses(folder: &str) -> anyhow::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for content in files::read(&paths::root().join(folder))?.values() {
        let text = String::from_utf8_lossy(content);
        let actions = text.lines().filter_map(|line| line.split_once("uses: "));
        found.extend(actions.map(|(_, action)| action.trim().to_owned()));
    }
    Ok(found)
}
