//! Edits of rules in files which the newer template does not have.
//!
//! Objectives were declared among the rules for every service. Now `observability/rules.yaml` has those of the service.

use std::path::Path;

use anyhow::{Context as _, ensure};
use support::{Cases, command};

use super::{
    OLD,
    newer_template::NewerTemplate,
    team_service::{OLD_OBJECTIVES, TeamService, upgrade},
};
use crate::generate::Answers;

/// The file with the objectives in the old template, by deployment.
const OLD_FILES: [(&str, &str); 2] = [
    ("compose", OLD_OBJECTIVES),
    ("kubernetes", "observability/alerts/prometheusrule.yaml"),
];

/// The commented-out ratio of the old template, and the team's.
const RATIO: [&str; 2] = [
    "# - record: slo:availability:declared_objective_ratio\n",
    "- {record: slo:availability:declared_objective_ratio, expr: vector(0.42)}\n",
];

/// Cases of services from an older template of the history.
pub(super) fn cases(cases: &mut Cases, newer: &NewerTemplate, old: &Path, elsewhere: &Path) {
    for (deploy, file) in OLD_FILES {
        cases.check(
            &format!("upgrade: keeps moved objectives, {deploy}"),
            || objectives(deploy, file, newer, old, elsewhere),
        );
    }
    cases.check("upgrade: says where a new file was moved", || {
        own_file(newer, old, elsewhere)
    });
}

/// Checks that an objective is kept, and that its new place is named.
fn objectives(
    deploy: &str,
    file: &str,
    newer: &NewerTemplate,
    old: &Path,
    elsewhere: &Path,
) -> anyhow::Result<()> {
    let answers = Answers::least().with("deploy", deploy);
    let name = format!("moved-{deploy}");
    let mut service = TeamService::generate(old, &name, elsewhere, &answers, None)?;
    if deploy == "kubernetes" {
        // The printed command is for the service's folder, which need not be the root.
        service.move_into("services/moved")?;
        service.folder.push("services/moved");
    }
    service.replace(file, RATIO[0], RATIO[1])?;
    service.commit("Declare an objective")?;
    let (is_clean, output) = upgrade(&newer.folder, &[&service.folder], &["--from", OLD])?;
    ensure!(!is_clean, "expected a conflict:\n{output}");
    let conflict = output
        .lines()
        .find(|line| line.contains(&format!("conflict: {file}, ")))
        .with_context(|| format!("no conflict in {file}:\n{output}"))?;
    for needed in ["removed or moved in the template", "changes below"] {
        ensure!(conflict.contains(needed), "no {needed:?} in {conflict}");
    }
    let (_, below) = output
        .split_once("Changes of the template")
        .context("no changes")?;
    for needed in [file, "`observability/rules.yaml`"] {
        ensure!(below.contains(needed), "no {needed} in:\n{below}");
    }
    // The printed command shows the objective, and the file still has it.
    let diff = conflict.find("git diff ").context("no command")?;
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-ec", &conflict[diff..]])
        .current_dir(&service.folder);
    let diff = command::run_quietly(&mut shell)?;
    let added: Vec<_> = diff.lines().filter(|line| line.starts_with('+')).collect();
    ensure!(
        added.len() == 2 && added[1].ends_with(RATIO[1].trim_end()),
        "found {added:?}"
    );
    ensure!(service.read(file)?.contains(RATIO[1]), "{file} has lost it");
    Ok(())
}

/// Checks a new file of rules in a folder whose files have moved.
fn own_file(newer: &NewerTemplate, old: &Path, elsewhere: &Path) -> anyhow::Result<()> {
    let answers = Answers::least().with("deploy", "compose");
    let service = TeamService::generate(old, "moved-own", elsewhere, &answers, None)?;
    service.write("observability/alerts/own.rules.yml", "groups: []\n")?;
    service.commit("Rules of our own")?;
    let (_, output) = upgrade(&newer.folder, &[&service.folder], &["--from", OLD])?;
    let moved = "deploy/compose/platform/alerts/own.rules.yml";
    let needed =
        format!("conflict: {moved}, a new file in a folder that the other side has renamed");
    ensure!(output.contains(&needed), "no {needed:?} in:\n{output}");
    ensure!(service.read(moved)? == "groups: []\n", "it was changed");
    Ok(())
}
