//! `cargo xtask upgrade`: a service keeps its edits and gets the template's.
//!
//! The services are outside of this checkout, as those of teams are.

mod changed_answers;
mod checkouts;
mod moved_objectives;
mod newer_template;
mod several_services;
mod small_upgrades;
mod team_service;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use support::{
    Cases, command, files,
    git::{self, git},
    paths,
    tools::{self, PostgresServer},
};

use self::{
    newer_template::{ADDED, MARK, NewerTemplate},
    team_service::{DELETED, OLD_OBJECTIVES, README_EDIT, RENAMED, TeamService, upgrade},
};
use super::compose;
use crate::{
    generate::{self, Answers, Service},
    service,
};

/// The commit whose template the edited service has.
///
/// Its record has neither a commit nor the name of the service.
const OLD: &str = "66491dbf475e93ee041e052f476c117a54da88fe";

/// Runs all cases.
pub(super) fn cases(cases: &mut Cases) -> anyhow::Result<()> {
    let what = "upgrade: edits and all changes of the template";
    if git::optional(&mut git(paths::root(), &["rev-parse", "HEAD"])).is_err() {
        cases.not_run(what, "this checkout has no history; clone the repository");
        return Ok(());
    }
    let elsewhere = std::env::temp_dir().canonicalize()?;
    let elsewhere = elsewhere.join(format!("firstlight-upgrades-{}", std::process::id()));
    fs::create_dir_all(&elsewhere)?;
    let newer = NewerTemplate::create(elsewhere.join("firstlight"))?;
    small_upgrades::cases(cases, &newer, &elsewhere)?;
    several_services::cases(cases, &newer, &elsewhere);
    let old = ["cat-file", "-e", OLD];
    if git::output(&mut git(paths::root(), &old))?.status.success() {
        let old = old_template(&newer)?;
        small_upgrades::from_history(cases, &newer, &old, &elsewhere);
        moved_objectives::cases(cases, &newer, &old, &elsewhere);
        edited(cases, what, &newer, &elsewhere);
    } else {
        let reason = format!("this clone lacks the commit {OLD}; run git fetch --unshallow");
        cases.not_run(what, &reason);
    }
    // A failed case has named what it found.
    fs::remove_dir_all(elsewhere).context("cannot remove the services")
}

/// The template of [`OLD`].
fn old_template(newer: &NewerTemplate) -> anyhow::Result<PathBuf> {
    let folder = newer.folder.with_file_name("old");
    let (from, to) = (
        newer.folder.display().to_string(),
        folder.display().to_string(),
    );
    let clone = ["clone", "--quiet", "--shared", "--no-checkout", &from, &to];
    git::text(&mut git(&newer.folder, &clone))?;
    git::text(&mut git(&folder, &["switch", "--quiet", "--detach", OLD]))?;
    Ok(folder.join("template"))
}

/// Upgrades a service with all options that a team has edited.
///
/// The template has changed in each file.
fn edited(cases: &mut Cases, what: &str, newer: &NewerTemplate, elsewhere: &Path) {
    let name = "letters";
    let mut upgraded = None;
    let passed = cases.check(what, || {
        let template = newer.folder.with_file_name("old").join("template");
        // The last choices are GitLab and none of the deployments with alerts of their own.
        let answers = Answers::most()
            .with("deploy", "compose")
            .with("ci", "github");
        let service = TeamService::generate(&template, name, elsewhere, &answers, None)?;
        service.edit()?;
        let (is_clean, output) = upgrade(&newer.folder, &[&service.folder], &[])?;
        ensure!(!is_clean, "expected conflicts:\n{output}");
        service.check_edits()?;
        resolve(&service).context(output)?;
        check_changes(&service, newer, &answers, elsewhere)?;
        upgraded = Some(service);
        Ok(())
    });
    let Some(service) = upgraded.filter(|_| passed) else {
        return;
    };
    let what = "upgrade: the upgraded service's tests pass";
    match tools::postgres().and_then(|tool| PostgresServer::start_with(&tool, compose::SETTINGS)) {
        Err(error) => cases.not_run(what, &format!("{error:#}")),
        Ok(server) => {
            let mut test = service::cargo(&service.folder);
            test.env("TEST_DATABASE_URL", server.url());
            cases.cargo_test(what, test.arg("test"));
        }
    }
}

/// Checks and resolves the conflicts, in files that both sides have changed.
fn resolve(service: &TeamService) -> anyhow::Result<()> {
    let conflicts = service.git(&["diff", "--name-only", "--diff-filter=U"])?;
    ensure!(
        conflicts.lines().eq(["README.md", OLD_OBJECTIVES]),
        "found conflicts in {conflicts:?}, expected README.md and {OLD_OBJECTIVES}"
    );
    resolve_readme(service)?;
    // The declared objective has its place in another file.
    let [old, new] = OBJECTIVE;
    service.replace("observability/rules.yaml", old, new)?;
    service.git(&["rm", "--quiet", OLD_OBJECTIVES])?;
    service.git(&["add", "observability/rules.yaml"])?;
    service.git(&["-c", "core.editor=true", "cherry-pick", "--continue"])?;
    let status = service.git(&["status", "--porcelain"])?;
    ensure!(status.is_empty(), "found changes:\n{status}");
    Ok(())
}

/// The objective in `observability/rules.yaml`, as generated and as declared.
const OBJECTIVE: [&str; 2] = [
    "  # - name: letters-objectives\n  #   rules:\n  #     - record: slo:availability:declared_objective_ratio\n  #       expr: vector(0.9995)\n  #       labels:\n  #         job: letters\n",
    "  - name: letters-objectives\n    rules:\n      - record: slo:availability:declared_objective_ratio\n        expr: vector(0.999)\n        labels:\n          job: letters\n",
];

/// Checks that README.md has a conflict in one place, and keeps the team's line.
fn resolve_readme(service: &TeamService) -> anyhow::Result<()> {
    let readme = service.read("README.md")?;
    let starts = readme.matches("\n<<<<<<< ").count();
    ensure!(starts == 1, "README.md: found {starts} conflicts");
    let (before, rest) = readme.split_once("\n<<<<<<< ").context("no start")?;
    let (ours, after) = rest.split_once("\n>>>>>>> ").context("no end")?;
    let ours = ours.lines().skip(1);
    let ours: Vec<_> = ours.take_while(|line| !is_marker(line)).collect();
    ensure!(
        ours.len() == 1 && ours[0].contains(README_EDIT),
        "README.md: found {ours:?}, expected the team's line"
    );
    let (_, after) = after.split_once('\n').context("no end of the marker")?;
    service.write("README.md", &format!("{before}\n{}\n{after}", ours[0]))?;
    service.git(&["add", "README.md"]).map(drop)
}

/// Whether a line ends our side of a conflict.
fn is_marker(line: &str) -> bool {
    line.starts_with("||||||| ") || line == "======="
}

/// Checks that the service has the change of each file of the newer template.
fn check_changes(
    service: &TeamService,
    newer: &NewerTemplate,
    answers: &Answers,
    elsewhere: &Path,
) -> anyhow::Result<()> {
    let rendered = Service {
        name: "letters",
        destination: &elsewhere.join("rendered"),
        answers: answers.clone(),
        extra: &generate::throwaway(),
    };
    fs::create_dir_all(rendered.destination)?;
    command::run_quietly(&mut rendered.command_for(&newer.folder.join("template"))?)?;
    let mut changed = 0;
    for (name, content) in files::read(&rendered.destination.join("letters"))? {
        let text = String::from_utf8_lossy(&content);
        ensure!(
            text.contains(MARK),
            "{name} has no mark in the newer template"
        );
        let name = if name == RENAMED.0 { RENAMED.1 } else { &name };
        if name != DELETED {
            ensure!(service.read(name)?.contains(MARK), "{name} has no mark");
            changed += 1;
        }
    }
    ensure!(changed > 50, "found {changed} changed files");
    service.read(ADDED).map(drop)
}
