//! Upgrades of several services in one run.
//!
//! They share questions, and repositories.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use support::{Cases, command, paths, process::Process, tools};

use super::{
    newer_template::{MARK, NewerTemplate, README_LINE},
    team_service::{TeamService, upgrade},
};
use crate::generate::{self, Answers, Service};

/// Cases of services with different answers.
pub(super) fn cases(cases: &mut Cases, newer: &NewerTemplate, elsewhere: &Path) {
    cases.check("upgrade: each service has its own defaults", || {
        let services = forgetful(
            newer,
            elsewhere,
            "own",
            &["compose", "kubernetes"],
            "grafana",
        )?;
        let folders: Vec<_> = services.iter().map(|service| &*service.folder).collect();
        let (is_clean, output) = upgrade(&newer.folder, &folders, &[])?;
        ensure!(is_clean, "{output}");
        for (service, default) in services
            .iter()
            .zip(["http://localhost:3000", "https://grafana.example.com"])
        {
            let record = service.read(".firstlight.toml")?;
            let line = format!("grafana = \"{default}\"");
            ensure!(record.contains(&line), "no {line} in:\n{record}{output}");
        }
        Ok(())
    });
    cases.check("upgrade: two members of a workspace", || {
        members(newer, elsewhere.join("members"))
    });
    let name = "upgrade: a conflict stops services of the repository";
    cases.check(name, || after_conflict(newer, elsewhere.join("stopped")));
    let name = "upgrade: asks once on a terminal, and again if refused";
    match tools::on_path("script") {
        None => cases.not_run(name, "install util-linux, whose `script` is a terminal"),
        Some(script) => {
            cases.check(name, || terminal(&script, newer, elsewhere));
        }
    }
}

/// Services whose records lack the answer to `question`.
fn forgetful(
    newer: &NewerTemplate,
    elsewhere: &Path,
    folder: &str,
    deployments: &[&str],
    question: &str,
) -> anyhow::Result<Vec<TeamService>> {
    let services = deployments.iter().enumerate().map(|(index, deploy)| {
        let answers = Answers::least().with("deploy", deploy);
        let (template, current) = (paths::template(), Some(&*newer.current));
        let name = format!("{folder}-{index}");
        let service = TeamService::generate(&template, &name, elsewhere, &answers, current)?;
        let record = service.read(".firstlight.toml")?;
        let is_kept = |line: &&str| !line.starts_with(&format!("{question} = "));
        let kept: Vec<_> = record.lines().filter(is_kept).collect();
        ensure!(kept.len() + 1 == record.lines().count(), "{record}");
        service.write(".firstlight.toml", &(kept.join("\n") + "\n"))?;
        service.commit("An older record")?;
        Ok(service)
    });
    services.collect()
}

/// Types a mistake and an answer, for the first of three services.
fn terminal(script: &Path, newer: &NewerTemplate, elsewhere: &Path) -> anyhow::Result<()> {
    let services = forgetful(newer, elsewhere, "asked", &["kubernetes"; 3], "registry")?;
    let mut plain = Command::new(paths::program()?);
    plain.args(["upgrade", "--checkout"]).arg(&newer.folder);
    plain.args(services.iter().map(|service| &service.folder));
    let mut terminal = Command::new(script);
    terminal
        .args(["-qec", &command::display(&plain), "/dev/null"])
        .current_dir(paths::root());
    let mut asking = Process::start("cargo xtask upgrade", &mut terminal)?;
    asking.type_in("https://ghcr.io/acme\rghcr.io/acme\r")?;
    let status = asking.wait(UPGRADE_TIMEOUT)?;
    let output = asking.lines().join("\n");
    ensure!(status.success(), "found {status}, expected 0:\n{output}");
    for service in &services {
        let record = service.read(".firstlight.toml")?;
        let line = "registry = \"ghcr.io/acme\"";
        ensure!(record.contains(line), "no {line} in:\n{record}{output}");
    }
    for (needed, times) in [
        ("Registry of the image", 2),
        ("without a scheme", 1),
        ("--define", 0),
        ("as answered before", 2),
    ] {
        let found = output.matches(needed).count();
        ensure!(
            found == times,
            "found {needed:?} {found} times, expected {times}:\n{output}"
        );
    }
    Ok(())
}

/// How long the questions and the upgrades may take.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(120);

/// Two members of a workspace follow each other in one run.
fn members(newer: &NewerTemplate, folder: PathBuf) -> anyhow::Result<()> {
    let service = workspace(newer, folder)?;
    let folders = MEMBERS.map(|member| service.folder.join(member));
    service.write("two/README.md", "A change.\n")?;
    let (is_clean, output) = upgrade(&newer.folder, &[&folders[0]], &[])?;
    let reason = "its repository has changes that are not committed: two/README.md";
    ensure!(!is_clean && output.contains(reason), "{output}");
    service.git(&["restore", "two/README.md"])?;
    let (is_clean, output) = upgrade(&newer.folder, &[&folders[0], &folders[1]], &[])?;
    ensure!(is_clean, "{output}");
    ensure!(
        service.read("Cargo.toml")? == root(),
        "the root was changed"
    );
    for member in MEMBERS {
        let manifest = service.read(&format!("{member}/Cargo.toml"))?;
        for needed in [MARK, &format!("name = \"{member}\""), "workspace = true"] {
            ensure!(manifest.contains(needed), "no {needed:?} in:\n{manifest}");
        }
        let branches = service.git(&["branch", "--list", &format!("*-{member}")])?;
        ensure!(!branches.is_empty(), "no branch of {member}:\n{output}");
    }
    let commits = service.git(&["rev-list", "--count", "main..HEAD"])?;
    ensure!(commits == "2", "found {commits} commits:\n{output}");
    let subjects = service.git(&["log", "--format=%s", "main..HEAD"])?;
    for (subject, member) in subjects.lines().rev().zip(MEMBERS) {
        let needed = format!("Upgrade {member} to firstlight's template");
        ensure!(subject.starts_with(&needed), "found {subject:?}");
    }
    let mut metadata = Command::new("cargo");
    metadata.args([
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version",
        "1",
    ]);
    command::run_quietly(metadata.current_dir(&service.folder)).map(drop)
}

/// A conflict of one service is named as the reason against the next.
fn after_conflict(newer: &NewerTemplate, folder: PathBuf) -> anyhow::Result<()> {
    let service = workspace(newer, folder)?;
    service.replace("one/README.md", README_LINE[0], "Ours, by")?;
    service.git(&["rm", "--quiet", "one/Dockerfile"])?;
    service.write("Dockerfile", "FROM scratch\n")?;
    service.commit("Changes")?;
    let folders = MEMBERS.map(|member| service.folder.join(member));
    let (is_clean, output) = upgrade(&newer.folder, &[&folders[0], &folders[1]], &[])?;
    ensure!(!is_clean, "{output}");
    for needed in ["conflict: README.md", "a cherry-pick in progress"] {
        ensure!(output.contains(needed), "no {needed:?} in:\n{output}");
    }
    ensure!(!folders[0].join("Dockerfile").exists(), "it is back");
    service.read("Dockerfile")?;
    let untouched = service.git(&["diff", "--quiet", "main", "--", "two"]);
    untouched.map(drop).context("two was changed")
}

/// A repository with two services as members of a workspace.
fn workspace(newer: &NewerTemplate, folder: PathBuf) -> anyhow::Result<TeamService> {
    fs::create_dir_all(&folder)?;
    let service = TeamService { folder };
    let commit = format!("template_commit={}", newer.current);
    let extra = [generate::throwaway(), vec!["--define".to_owned(), commit]].concat();
    for name in MEMBERS {
        let member = Service {
            name,
            destination: &service.folder,
            answers: Answers::least(),
            extra: &extra,
        };
        command::run_quietly(&mut member.command()?)?;
        let manifest = format!("{name}/Cargo.toml");
        let source = format!("path = \"{}\"", paths::library().display());
        let text = service.read(&manifest)?;
        ensure!(text.contains(&source), "no {source} in:\n{text}");
        service.write(&manifest, &text.replace(&source, "workspace = true"))?;
    }
    service.write("Cargo.toml", &root())?;
    service.git(&["init", "--quiet", "--initial-branch=main"])?;
    service.commit("A workspace")?;
    Ok(service)
}

const MEMBERS: [&str; 2] = ["one", "two"];

/// The manifest of the workspace.
fn root() -> String {
    format!(
        "[workspace]\nresolver = \"3\"\nmembers = {MEMBERS:?}\n\n[workspace.dependencies]\nfirstlight = {{ path = {:?} }}\n",
        paths::library()
    )
}
