//! The dashboards and alerts of a cluster, of compose, and of a generated service.
//!
//! Those of compose must equal those in `docs/`, and Grafana, Prometheus and Alertmanager must find them. The suite
//! `observability` checks their content once for `docs/`.

mod applied;
mod exported;
mod mounted;
mod neighbors;

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, bail, ensure};
use observability::addresses::{GRAFANA, RUNBOOKS};
use support::{Cases, command, files, paths};

use super::combinations::Generated;
use crate::generate::{self, Answers, Service};

/// Runs the checks of the generated files.
pub(super) fn cases(cases: &mut Cases, generated: &Generated, folder: &Path) {
    let source = generated.with_store("postgres", "compose", "none");
    cases.check("compose: dashboards equal those of docs", || {
        let mut expected = files::read(&paths::root().join("docs/dashboards"))?;
        expected.remove("README.md");
        expected.remove("kustomization.yaml");
        files::check_same(&files::read(&source.join(DASHBOARDS))?, &expected)
    });
    for deploy in ["compose", "kubernetes"] {
        cases.check(
            &format!("{deploy}: given URLs replace all default URLs"),
            || check_given_urls(deploy, folder),
        );
    }
    cases.check("grafana: an invalid URL is rejected", || {
        check_invalid_url(folder)
    });
    mounted::cases(cases, generated);
    applied::cases(cases, generated);
    neighbors::cases(cases, generated);
}

/// Runs the checks that build services.
pub(super) fn built(cases: &mut Cases, generated: &Generated) {
    exported::cases(cases, generated);
}

/// The files of compose for every service.
pub(super) const PLATFORM: &str = "deploy/compose/platform";

/// Their dashboards.
const DASHBOARDS: &str = "deploy/compose/platform/dashboards";

/// The rules of a service with its commented-out objectives enabled.
fn with_objectives(rules: &str) -> anyhow::Result<String> {
    let group = rules.find("-objectives\n").context("no objectives")?;
    let group = rules[..group].rfind('\n').context("no line before it")?;
    let (before, objectives) = rules.split_at(group);
    let lines = objectives.lines().map(|line| line.replacen("# ", "", 1));
    let lines: Vec<_> = lines.collect();
    Ok(format!("{before}{}\n", lines.join("\n")))
}

/// The names of the dashboards' files.
fn dashboards() -> anyhow::Result<BTreeSet<String>> {
    let files = files::read(&paths::root().join("docs/dashboards"))?;
    let names = files.into_keys().filter(|name| name.ends_with(".json"));
    Ok(names.collect())
}

/// The files with a default URL of the runbooks or of Grafana, or that of compose.
fn with_defaults(folder: &Path) -> anyhow::Result<Vec<String>> {
    let defaults = [RUNBOOKS.as_str(), GRAFANA, "http://localhost:3000"];
    let has_default = |content: &Vec<u8>| {
        let text = String::from_utf8_lossy(content);
        defaults.iter().any(|default| text.contains(default))
    };
    let files = files::read(folder)?.into_iter();
    let found = files.filter(|(_, content)| has_default(content));
    Ok(found.map(|(name, _)| name).collect())
}

/// Generates a service with URLs, one of them with a slash at its end.
fn check_given_urls(deploy: &str, folder: &Path) -> anyhow::Result<()> {
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
    let root = folder.join(&name);
    // The address of compose's own Grafana is also in other files.
    let found = with_defaults(&match deploy {
        "compose" => root.join(PLATFORM),
        _ => root.clone(),
    })?;
    ensure!(found.is_empty(), "found defaults in {found:?}");
    let read = |file: &str| fs::read_to_string(root.join(file)).with_context(|| file.to_owned());
    let mut expected = vec![(
        read(".firstlight.toml")?,
        format!("runbooks = \"{runbooks}\""),
    )];
    if deploy == "compose" {
        let rules = read("deploy/compose/platform/alerts/firstlight.rules.yml")?;
        let board = read("deploy/compose/platform/dashboards/overview.json")?;
        expected.extend([
            (rules.clone(), format!("dashboard_url: {grafana}/d/")),
            (rules, format!("runbook_url: {runbooks}/ServiceDown.md")),
            (board, format!("{runbooks}/ServiceDown.md")),
        ]);
    } else {
        let command = format!("--grafana {grafana} --runbooks {runbooks}");
        expected.push((read("README.md")?, command));
    }
    for (text, needed) in expected {
        ensure!(text.contains(&needed), "found no {needed}");
    }
    Ok(())
}

fn check_invalid_url(folder: &Path) -> anyhow::Result<()> {
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
        bail!("the answer was accepted")
    };
    let message = format!("{error:#}");
    for needed in [
        "grafana=\"grafana.test\"\"",
        "Expected: one such as https://",
    ] {
        ensure!(message.contains(needed), "the message:\n{message}");
    }
    Ok(())
}
