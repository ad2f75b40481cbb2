//! Services in unusual places.
//!
//! They have another checkout than a branch, or a git that fails.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};
use support::{command, paths};

use super::{
    newer_template::{ADDED, MARK, NewerTemplate, README_LINE},
    team_service::{TeamService, upgrade},
};

/// Without a branch, there is a way back, with and without a conflict.
pub(super) fn detached(service: &TeamService, newer: &NewerTemplate) -> anyhow::Result<()> {
    service.git(&["switch", "--quiet", "--detach"])?;
    goes_back(service, newer)?;
    service.replace("README.md", README_LINE[0], "Ours, by")?;
    service.commit("A change")?;
    goes_back(service, newer)
}

/// A branch is found whatever its name is, and if a tag has the same.
pub(super) fn branch_names(service: &TeamService, newer: &NewerTemplate) -> anyhow::Result<()> {
    let name = "team's-$HOME";
    service.git(&["switch", "--quiet", "--create", name])?;
    service.git(&["tag", name, "HEAD"])?;
    goes_back(service, newer)
}

/// Upgrades, and runs the commands that the output names for going back.
fn goes_back(service: &TeamService, newer: &NewerTemplate) -> anyhow::Result<()> {
    let before = service.state()?;
    let (_, output) = upgrade(&newer.folder, &[&service.folder], &[])?;
    ensure!(service.state()? != before, "not upgraded:\n{output}");
    let back = after(&output, "Back: ")?;
    shell(back, &service.folder).with_context(|| output.clone())?;
    ensure!(service.state()? == before, "not as before:\n{output}");
    Ok(())
}

/// The rest of the line after `start`.
fn after<'a>(output: &'a str, start: &str) -> anyhow::Result<&'a str> {
    let found = output.split_once(start);
    let (_, rest) = found.with_context(|| format!("no {start:?} in:\n{output}"))?;
    Ok(rest.lines().next().unwrap_or_default())
}

fn shell(line: &str, folder: &Path) -> anyhow::Result<String> {
    let mut shell = Command::new("sh");
    command::run_quietly(shell.args(["-ec", line]).current_dir(folder))
}

/// The command after `Next:` leads into a folder whatever its name is.
pub(super) fn odd_path(service: &TeamService, newer: &NewerTemplate) -> anyhow::Result<()> {
    let name = "L\u{f6}hne & 'co' [a] $HOME";
    let service = service.copy(service.folder.with_file_name(name).join(name))?;
    service.move_into(name)?;
    let folder = service.folder.join(name);
    let (is_clean, output) = upgrade(&newer.folder, &[&folder], &[])?;
    ensure!(is_clean, "{output}");
    let (enter, _) = after(&output, "Next: ")?
        .split_once(" && ")
        .context("no cd")?;
    let reached = shell(&format!("{enter} && cat {ADDED}"), &std::env::temp_dir())?;
    ensure!(reached.contains(MARK), "found {reached:?}:\n{output}");
    let others = service.git(&["diff", "--name-only", "main", "--", "."])?;
    let is_inside = |line: &str| line.starts_with(&format!("{name}/"));
    ensure!(others.lines().all(is_inside), "found {others}");
    Ok(())
}

/// A checkout that fails is undone, and the error says so.
pub(super) fn undone(service: &TeamService, newer: &NewerTemplate) -> anyhow::Result<()> {
    for has_conflict in [false, true] {
        // The filter fails once, as on a disk that is full for a moment.
        let once = "if [ -e once ]; then cat; else touch once; exit 1; fi";
        let service = failing(service, has_conflict, once)?;
        fs::write(service.folder.join(".git/info/exclude"), "once\n")?;
        let before = service.state()?;
        let (is_clean, output) = upgrade(&newer.folder, &[&service.folder], &[])?;
        ensure!(!is_clean && output.contains("refused"), "{output}");
        ensure!(output.contains("the upgrade was undone"), "{output}");
        fs::remove_file(service.folder.join("once"))?;
        ensure!(service.state()? == before, "not as before:\n{output}");
    }
    Ok(())
}

/// A checkout that cannot be undone is not reported as undone.
pub(super) fn not_undone(service: &TeamService, newer: &NewerTemplate) -> anyhow::Result<()> {
    for has_conflict in [false, true] {
        let service = failing(service, has_conflict, "false")?;
        let before = service.state()?;
        let (is_clean, output) = upgrade(&newer.folder, &[&service.folder], &[])?;
        ensure!(!is_clean && !output.contains("was undone"), "{output}");
        ensure!(output.contains("is not undone"), "{output}");
        service.git(&["config", "filter.failing.smudge", "cat"])?;
        shell(after(&output, "and go back: ")?, &service.folder).context(output)?;
        ensure!(service.state()? == before, "not as before");
    }
    Ok(())
}

/// A checkout that leaves a file as it was is undone.
///
/// Git reports no failure.
pub(super) fn files_left(service: &TeamService, newer: &NewerTemplate) -> anyhow::Result<()> {
    for has_conflict in [false, true] {
        if has_conflict {
            service.replace("README.md", README_LINE[0], "Ours, by")?;
            service.commit("A change")?;
        }
        let before = service.state()?;
        let (is_clean, output) = upgrade(&newer.folder, &[&service.folder], &[])?;
        ensure!(!is_clean && output.contains("refused"), "{output}");
        for needed in ["the upgrade was undone", "src/error.rs"] {
            ensure!(output.contains(needed), "no {needed:?} in:\n{output}");
        }
        ensure!(service.state()? == before, "not as before:\n{output}");
    }
    Ok(())
}

/// A file that git cannot replace, until this is dropped.
pub(super) struct Protected {
    file: PathBuf,
}

impl Protected {
    /// Returns `None` if this user or the file system does not allow it.
    pub(super) fn new(file: &Path) -> Option<Self> {
        let file = file.to_owned();
        set_immutable(&file, "+i").then_some(Self { file })
    }
}

impl Drop for Protected {
    fn drop(&mut self) {
        set_immutable(&self.file, "-i");
    }
}

fn set_immutable(file: &Path, attribute: &str) -> bool {
    let mut set = Command::new("chattr");
    command::run_quietly(set.arg(attribute).arg(file)).is_ok()
}

/// An upgrade needs no name of the user, and no open output.
pub(super) fn bare_environment(service: &TeamService, newer: &NewerTemplate) -> anyhow::Result<()> {
    let mut upgrade = Command::new(paths::program()?);
    upgrade
        .args(["upgrade", "--defaults", "--checkout"])
        .arg(&newer.folder)
        .arg(&service.folder)
        .current_dir(&service.folder);
    for variable in ["USER", "USERNAME", "NAME", "CARGO_NAME"] {
        upgrade.env_remove(variable);
    }
    for variable in ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"] {
        upgrade.env_remove(variable);
    }
    for variable in ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"] {
        upgrade.env(variable, "/dev/null");
    }
    let home = service.folder.with_file_name("no-home");
    upgrade.env("HOME", &home).env("XDG_CONFIG_HOME", &home);
    let (reader, writer) = std::io::pipe()?;
    drop(reader);
    let output = upgrade.stdout(writer).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && said.is_empty(), "{said}");
    ensure!(service.read(ADDED)?.contains(MARK), "not upgraded");
    Ok(())
}

/// A copy in which git has to pass `src/config.rs` through a filter.
fn failing(service: &TeamService, has_conflict: bool, smudge: &str) -> anyhow::Result<TeamService> {
    let copy = format!("failing-{has_conflict}-{}", smudge.len());
    let service = service.copy(service.folder.with_file_name(copy))?;
    service.write(".gitattributes", "src/config.rs filter=failing\n")?;
    if has_conflict {
        service.replace("README.md", README_LINE[0], "Ours, by")?;
    }
    for (key, value) in [("clean", "cat"), ("required", "true"), ("smudge", smudge)] {
        service.git(&["config", &format!("filter.failing.{key}"), value])?;
    }
    service.commit("A filter")?;
    Ok(service)
}
