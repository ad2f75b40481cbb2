//! The dashboards and alerts of a generated service: all there, found by what shows and evaluates them, and the same as in `docs/`.
//!
//! Left out: what they say, which `observability` checks once for `docs/`, and a running Grafana.

mod applied;
mod mounted;

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use anyhow::{Context as _, bail, ensure};
use observability::addresses::{GRAFANA, RUNBOOKS};
use support::{Cases, command, files, paths};

use super::{combinations::Generated, readme};
use crate::generate::{self, Answers, Service};

pub(super) fn cases(cases: &mut Cases, generated: &Generated, folder: &Path) {
    for deploy in ["compose", "kubernetes"] {
        let source = generated.with_store("postgres", deploy, "none");
        cases.check(
            &format!("with {deploy}, the dashboards of a service are those of docs/dashboards, byte for byte"),
            || {
                let mut expected = files::of(&paths::root().join("docs/dashboards"))?;
                expected.remove("README.md");
                files::same(&files::of(&source.join(DASHBOARDS))?, &expected)
            },
        );
        cases.check(
            &format!("with {deploy}, the commands of README.md, \"Watch it\", leave no address that is not the reader's"),
            || addresses(&source),
        );
        cases.check(
            &format!("with {deploy}, the addresses that a service is made with are the only ones"),
            || answered(deploy, folder),
        );
    }
    cases.check("an answer that is no address is refused", || {
        refused(folder)
    });
    mounted::cases(cases, generated);
    applied::cases(cases, generated);
}

/// Of a service.
const DASHBOARDS: &str = "observability/dashboards";

/// The files of dashboards, without the folder.
fn dashboards() -> anyhow::Result<BTreeSet<String>> {
    let files = files::of(&paths::root().join("docs/dashboards"))?;
    let names = files.into_keys().filter(|name| name.ends_with(".json"));
    Ok(names.collect())
}

/// On a copy, as a reader does who has just generated it.
fn addresses(source: &Path) -> anyhow::Result<()> {
    let copy = paths::fresh("template-observability")?;
    let observability = copy.join("observability");
    files::write(&observability, &files::of(&source.join("observability"))?)?;
    let before = with_defaults(&observability)?;
    ensure!(before.len() > 8, "found defaults only in {before:?}");
    for block in readme::shell_blocks(source, "## Watch it")? {
        let mut shell = Command::new("sh");
        shell.args(["-ec", &block]).current_dir(&copy);
        command::run_quietly(&mut shell).with_context(|| block)?;
    }
    let after = with_defaults(&observability)?;
    ensure!(after.is_empty(), "found defaults in {after:?}");
    Ok(())
}

/// The files with an address that is an example, belongs to firstlight, or is compose's.
fn with_defaults(folder: &Path) -> anyhow::Result<Vec<String>> {
    let defaults = [RUNBOOKS.as_str(), GRAFANA, "http://localhost:3000"];
    let has_default = |content: &Vec<u8>| {
        let text = String::from_utf8_lossy(content);
        defaults.iter().any(|default| text.contains(default))
    };
    let files = files::of(folder)?.into_iter();
    let found = files.filter(|(_, content)| has_default(content));
    Ok(found.map(|(name, _)| name).collect())
}

/// Made with addresses of its own, one of them with a slash at its end.
fn answered(deploy: &str, folder: &Path) -> anyhow::Result<()> {
    let (grafana, runbooks) = ("https://grafana.test", "https://wiki.test/books");
    let with_slash = format!("{runbooks}/");
    let name = format!("addressed-{deploy}");
    let extra = generate::throwaway();
    let service = Service {
        name: &name,
        destination: folder,
        answers: Answers::least()
            .with("deploy", deploy)
            .with("grafana", grafana)
            .with("runbooks", &with_slash),
        extra: &extra,
    };
    command::run_quietly(&mut service.command()?)?;
    let observability = folder.join(&name).join("observability");
    let found = with_defaults(&observability)?;
    ensure!(found.is_empty(), "found defaults in {found:?}");
    let rules = match deploy {
        "compose" => "firstlight.rules.yml",
        _ => "prometheusrule.yaml",
    };
    let rules = fs::read_to_string(observability.join("alerts").join(rules))?;
    let board = fs::read_to_string(observability.join("dashboards/overview.json"))?;
    let record = fs::read_to_string(folder.join(&name).join(".firstlight.toml"))?;
    for (text, needed) in [
        (&rules, format!("dashboard_url: {grafana}/d/")),
        (&rules, format!("runbook_url: {runbooks}/ServiceDown.md")),
        (&board, format!("{runbooks}/ServiceDown.md")),
        (&record, format!("runbooks = \"{runbooks}\"")),
    ] {
        ensure!(text.contains(&needed), "found no {needed}");
    }
    Ok(())
}

fn refused(folder: &Path) -> anyhow::Result<()> {
    let extra = generate::throwaway();
    let service = Service {
        name: "addressed-badly",
        destination: folder,
        answers: Answers::least()
            .with("deploy", "kubernetes")
            .with("grafana", "grafana.test\""),
        extra: &extra,
    };
    let Err(error) = command::run_quietly(&mut service.command()?) else {
        bail!("it was accepted")
    };
    let message = format!("{error:#}");
    for needed in [
        "grafana=\"grafana.test\"\"",
        "Expected: one such as https://",
    ] {
        ensure!(message.contains(needed), "it said:\n{message}");
    }
    Ok(())
}
