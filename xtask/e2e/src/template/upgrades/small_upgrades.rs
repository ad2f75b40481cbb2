//! Upgrades of small services, which are not built.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use anyhow::{Context as _, bail, ensure};
use support::Cases;

use super::{
    changed_answers, checkouts,
    newer_template::{ADDED, MARK, NewerTemplate, README_LINE},
    team_service::{TeamService, upgrade},
};
use crate::generate::Answers;

/// Cases of a service from the current template.
pub(super) fn cases(
    cases: &mut Cases,
    newer: &NewerTemplate,
    elsewhere: &Path,
) -> anyhow::Result<()> {
    let template = support::paths::template();
    let (answers, current) = (Answers::least(), Some(&*newer.current));
    let original = TeamService::generate(&template, "small", elsewhere, &answers, current)?;
    let mut check = |name: &str, case: fn(&TeamService, &NewerTemplate) -> anyhow::Result<()>| {
        cases.check(name, || {
            let folder = name.replace(|letter: char| !letter.is_alphanumeric(), "-");
            case(&original.copy(elsewhere.join(folder))?, newer)
        });
    };
    check(
        "upgrade: merges on a branch, and then is up to date",
        merges,
    );
    check("upgrade: refuses changes that are not committed", dirty);
    check("upgrade: refuses to overwrite ignored files", in_the_way);
    check("upgrade: names a commit that is missing", unknown_commit);
    check("upgrade: refuses folders that are no service", no_service);
    check("upgrade: marks conflicts, and can be undone", conflict);
    check("upgrade: keeps deletions, names and modes", kept);
    check("upgrade: keeps CRLF and the source of the library", bytes);
    check("upgrade: several services, and a table", several);
    check("upgrade: a service in a folder of a repository", in_folder);
    check("upgrade: --answer changes all files", changed_answer);
    let name = "upgrade: goes back to a detached head";
    check(name, checkouts::detached);
    let name = "upgrade: goes back to a branch of any name";
    check(name, checkouts::branch_names);
    let name = "upgrade: paths with spaces and signs";
    check(name, checkouts::odd_path);
    let name = "upgrade: undoes a checkout that fails";
    check(name, checkouts::undone);
    let name = "upgrade: says what is not undone";
    check(name, checkouts::not_undone);
    let name = "upgrade: an edited answer takes effect";
    check(name, changed_answers::edited);
    let name = "upgrade: changes answers on a merged branch";
    check(name, changed_answers::merged);
    let name = "upgrade: needs no user and no closed output";
    check(name, checkouts::bare_environment);
    let name = "upgrade: undoes a checkout with files left";
    let service = original.copy(elsewhere.join("immutable"))?;
    match checkouts::Protected::new(&service.folder.join("src/error.rs")) {
        None => cases.unchecked(
            name,
            "no file can be made immutable; as root, `chattr +i` does so",
        ),
        Some(_protected) => {
            cases.check(name, || checkouts::files_left(&service, newer));
        }
    }
    cases.check("upgrade: tries the release of the record", || {
        released(newer, elsewhere)
    });
    Ok(())
}

/// Cases of a service from an older template of the history.
pub(super) fn from_history(cases: &mut Cases, newer: &NewerTemplate, old: &Path, elsewhere: &Path) {
    cases.check(
        "upgrade: finds the commit, and answers new questions",
        || {
            let answers = Answers::least().with("deploy", "kubernetes");
            let service = TeamService::generate(old, "cluster", elsewhere, &answers, None)?;
            let (is_clean, output) = upgrade(&newer.folder, &[&service.folder], &[])?;
            ensure!(is_clean, "{output}");
            for needed in [
                "names no commit",
                "New question",
                "registry = \"localhost:5000\"",
            ] {
                ensure!(output.contains(needed), "no {needed:?}:\n{output}");
            }
            let record = service.read(".firstlight.toml")?;
            let commit = service_commit(newer)?;
            for needed in [
                format!("commit = \"{commit}\""),
                "name = \"cluster\"".to_owned(),
                "registry = \"localhost:5000\"".to_owned(),
                "firstlight = \"auto\"".to_owned(),
            ] {
                ensure!(record.contains(&needed), "no {needed} in:\n{record}");
            }
            Ok(())
        },
    );
}

/// A record without a commit names a version, whose tag is tried.
fn released(newer: &NewerTemplate, elsewhere: &Path) -> anyhow::Result<()> {
    let (template, answers) = (support::paths::template(), Answers::least());
    let service = TeamService::generate(&template, "released", elsewhere, &answers, None)?;
    let tag =
        |arguments: &[&str]| support::git::text(&mut support::git::git(&newer.folder, arguments));
    tag(&["tag", "v0.1.0", &newer.current])?;
    let output = accepted(&service, newer)?;
    tag(&["tag", "--delete", "v0.1.0"])?;
    let needed = "The template of the release 0.1.0 has all files";
    ensure!(output.contains(needed), "no {needed:?}:\n{output}");
    ensure!(service.read(ADDED)?.contains(MARK), "{ADDED} has no mark");
    Ok(())
}

/// The newest commit of the newer template.
fn service_commit(newer: &NewerTemplate) -> anyhow::Result<String> {
    support::git::text(&mut support::git::git(
        &newer.folder,
        &["rev-parse", "HEAD"],
    ))
}

/// Upgrades a service, which must be refused without a change.
fn refused(service: &TeamService, newer: &NewerTemplate, reason: &str) -> anyhow::Result<()> {
    let before = service.state()?;
    let (is_clean, output) = upgrade(&newer.folder, &[&service.folder], &[])?;
    ensure!(!is_clean, "it was accepted:\n{output}");
    ensure!(output.contains(reason), "no {reason:?} in:\n{output}");
    ensure!(service.state()? == before, "the service was changed");
    Ok(())
}

/// Upgrades a service, which must succeed.
fn accepted(service: &TeamService, newer: &NewerTemplate) -> anyhow::Result<String> {
    let (is_clean, output) = upgrade(&newer.folder, &[&service.folder], &[])?;
    ensure!(is_clean, "it failed:\n{output}");
    let status = service.git(&["status", "--porcelain"])?;
    ensure!(status.is_empty(), "found changes:\n{status}");
    Ok(output)
}

fn merges(service: &TeamService, newer: &NewerTemplate) -> anyhow::Result<()> {
    let before = service.git(&["rev-parse", "main"])?;
    service.replace(
        "src/routes.rs",
        "Router::new()\n}",
        "Router::new() // ours\n}",
    )?;
    service.commit("A change")?;
    let main = service.git(&["rev-parse", "main"])?;
    let output = accepted(service, newer)?;
    ensure!(
        output.contains(&format!("- Each file is {MARK}.")),
        "{output}"
    );
    ensure!(service.read("src/routes.rs")?.contains("// ours"), "lost");
    ensure!(service.read(ADDED)?.contains(MARK), "{ADDED} has no mark");
    let branch = service.git(&["branch", "--show-current"])?;
    let expected = format!("firstlight-0.1.0-{}", &service_commit(newer)?[..8]);
    ensure!(branch == expected, "found the branch {branch}");
    let subject = service.git(&["log", "-1", "--format=%s"])?;
    let expected = "Upgrade small to firstlight's template";
    ensure!(subject.starts_with(expected), "found {subject:?}");
    let parent = service.git(&["rev-parse", "HEAD^", "main"])?;
    ensure!(parent == format!("{main}\n{main}"), "main was moved");
    ensure!(before != main, "the change was not committed");

    let output = accepted(service, newer)?;
    ensure!(output.contains("up to date"), "{output}");
    let branches = service.git(&["branch", "--list"])?;
    ensure!(branches.lines().count() == 2, "found {branches}");
    Ok(())
}

fn dirty(service: &TeamService, newer: &NewerTemplate) -> anyhow::Result<()> {
    let readme = service.read("README.md")?;
    service.write("README.md", &(readme + "A line.\n"))?;
    refused(
        service,
        newer,
        "it has changes that are not committed: README.md",
    )
}

fn in_the_way(service: &TeamService, newer: &NewerTemplate) -> anyhow::Result<()> {
    let ignored = service.read(".gitignore")? + "/" + ADDED + "\n";
    service.write(".gitignore", &ignored)?;
    service.commit("Ignore a file")?;
    service.write(ADDED, "A secret.\n")?;
    refused(service, newer, ADDED)
}

fn unknown_commit(service: &TeamService, newer: &NewerTemplate) -> anyhow::Result<()> {
    let missing = "0123456789012345678901234567890123456789";
    service.replace(".firstlight.toml", &newer.current, missing)?;
    service.commit("Another commit")?;
    refused(
        service,
        newer,
        &format!("does not have the commit {missing}"),
    )?;
    let from = ["--from", &newer.current];
    let (is_clean, output) = upgrade(&newer.folder, &[&service.folder], &from)?;
    ensure!(is_clean, "--from: {output}");
    Ok(())
}

fn no_service(service: &TeamService, newer: &NewerTemplate) -> anyhow::Result<()> {
    service.write(".firstlight.toml", "template = \n")?;
    service.commit("An invalid record")?;
    refused(
        service,
        newer,
        "cannot read .firstlight.toml; `git log -p .firstlight.toml` shows how the template wrote it: line 1 is not valid TOML",
    )?;
    service.git(&["rm", "--quiet", ".firstlight.toml"])?;
    service.commit("Remove the record")?;
    refused(service, newer, "it has no .firstlight.toml")?;
    fs::remove_dir_all(service.folder.join(".git"))?;
    let (_, output) = upgrade(&newer.folder, &[&service.folder], &[])?;
    ensure!(output.contains("not in a git repository"), "{output}");
    Ok(())
}

fn conflict(service: &TeamService, newer: &NewerTemplate) -> anyhow::Result<()> {
    service.replace("README.md", README_LINE[0], "Ours, by")?;
    service.commit("A change")?;
    let before = service.state()?;
    let (is_clean, output) = upgrade(&newer.folder, &[&service.folder], &[])?;
    ensure!(
        !is_clean && output.contains("conflict: README.md"),
        "{output}"
    );
    let readme = service.read("README.md")?;
    for needed in [
        "<<<<<<< ",
        "Ours, by",
        "=======",
        README_LINE[1],
        ">>>>>>> ",
    ] {
        ensure!(readme.contains(needed), "no {needed:?} in README.md");
    }
    ensure!(
        service.read("Dockerfile")?.contains(MARK),
        "no other change"
    );
    let back = output.split_once("Back: ").context("no way back")?.1;
    let back = back.lines().next().unwrap_or_default();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-ec", back]).current_dir(&service.folder);
    support::command::run_quietly(&mut shell)?;
    ensure!(service.state()? == before, "not as before");
    Ok(())
}

fn kept(service: &TeamService, newer: &NewerTemplate) -> anyhow::Result<()> {
    service.git(&["mv", "src/error.rs", "src/problem.rs"])?;
    service.git(&["rm", "--quiet", "Dockerfile"])?;
    let script = service.folder.join(".env.example");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    service.commit("Changes")?;
    let output = accepted(service, newer)?;
    ensure!(
        output.contains("Dockerfile: changed in the template, but deleted"),
        "{output}"
    );
    ensure!(!service.folder.join("Dockerfile").exists(), "it is back");
    ensure!(!service.folder.join("src/error.rs").exists(), "it is back");
    ensure!(service.read("src/problem.rs")?.contains(MARK), "no change");
    ensure!(service.read(".env.example")?.contains(MARK), "no change");
    let mode = script.metadata()?.permissions().mode();
    ensure!(mode & 0o111 != 0, "it is not executable any more");
    Ok(())
}

fn bytes(service: &TeamService, newer: &NewerTemplate) -> anyhow::Result<()> {
    let text = service.read("src/config.rs")?;
    service.write("src/config.rs", &text.replace('\n', "\r\n"))?;
    let manifest = service.read("Cargo.toml")?;
    let path = format!("path = \"{}\"", support::paths::library().display());
    ensure!(manifest.contains(&path), "Cargo.toml has no {path}");
    let source = "git = \"https://git.test/firstlight\", tag = \"v0.1.0\"";
    service.write("Cargo.toml", &manifest.replace(&path, source))?;
    service.commit("Changes")?;
    accepted(service, newer)?;
    let text = service.read("src/config.rs")?;
    ensure!(text.contains(MARK), "src/config.rs has no change");
    let (all, crlf) = (text.matches('\n').count(), text.matches("\r\n").count());
    ensure!(all == crlf, "found {crlf} CRLF in {all} lines");
    let manifest = service.read("Cargo.toml")?;
    ensure!(
        manifest.contains(source) && manifest.contains(MARK),
        "{manifest}"
    );
    let record = service.read(".firstlight.toml")?;
    let answer = "firstlight = \"https://git.test/firstlight\"";
    ensure!(record.contains(answer), "no {answer} in:\n{record}");
    Ok(())
}

fn several(service: &TeamService, newer: &NewerTemplate) -> anyhow::Result<()> {
    let other = service.copy(service.folder.with_file_name("several-other"))?;
    other.write("README.md", "A change.\n")?;
    let missing = service.folder.with_file_name("several-missing");
    let services = [&*service.folder, &other.folder, &missing];
    let (is_clean, output) = upgrade(&newer.folder, &services, &[])?;
    ensure!(!is_clean, "{output}");
    let table = output.split_once("\nServices\n").context("no table")?.1;
    let rows: Vec<_> = table.lines().skip(1).take(services.len()).collect();
    for (row, needed) in rows
        .iter()
        .zip(["  firstlight-0.1.0-", "not committed", "not exist"])
    {
        ensure!(row.contains(needed), "no {needed:?} in {rows:#?}");
    }
    if rows.len() != services.len() {
        bail!("found {rows:#?}");
    }
    Ok(())
}

fn in_folder(service: &TeamService, newer: &NewerTemplate) -> anyhow::Result<()> {
    service.move_into("services/small")?;
    service.write("README.md", "Our services.\n")?;
    // Files of the root are other files, whatever their names are.
    service.write("Dockerfile", "FROM scratch\n")?;
    service.git(&["rm", "--quiet", "services/small/Dockerfile"])?;
    service.commit("Files for all services")?;
    let folder = service.folder.join("services/small");
    let (is_clean, output) = upgrade(&newer.folder, &[&folder], &[])?;
    ensure!(is_clean, "{output}");
    ensure!(service.read("README.md")? == "Our services.\n", "changed");
    for file in ["src/main.rs", ADDED] {
        let text = service.read(&format!("services/small/{file}"))?;
        ensure!(text.contains(MARK), "{file} has no mark");
    }
    ensure!(!service.folder.join(ADDED).exists(), "the wrong folder");
    ensure!(!folder.join("Dockerfile").exists(), "it is back");
    ensure!(service.read("Dockerfile")? == "FROM scratch\n", "changed");
    Ok(())
}

fn changed_answer(service: &TeamService, newer: &NewerTemplate) -> anyhow::Result<()> {
    let further = ["--answer", "ci=gitlab", "--answer", "deploy=kubernetes"];
    let further = [&further[..], &["--answer", "registry=ghcr.io/acme"]].concat();
    let (is_clean, output) = upgrade(&newer.folder, &[&service.folder], &further)?;
    ensure!(is_clean, "{output}");
    ensure!(!service.folder.join(".github").exists(), ".github is left");
    service.read(".gitlab-ci.yml")?;
    let image = service.read("deploy/kubernetes/kustomization.yaml")?;
    ensure!(image.contains("newName: ghcr.io/acme/small"), "{image}");
    let record = service.read(".firstlight.toml")?;
    ensure!(record.contains("ci = \"gitlab\""), "{record}");
    let invalid = ["--answer", "registry=https://ghcr.io"];
    let (is_clean, output) = upgrade(&newer.folder, &[&service.folder], &invalid)?;
    ensure!(!is_clean && output.contains("without a scheme"), "{output}");
    let without_effect = ["--answer", "deploy=compose", "--answer", "team=payments"];
    let (is_clean, output) = upgrade(&newer.folder, &[&service.folder], &without_effect)?;
    let needed = "team=payments has no effect: found deploy = \"compose\"";
    ensure!(!is_clean && output.contains(needed), "{output}");
    Ok(())
}
