//! The dashboards and alerts of a generated service.
//!
//! They must equal those in `docs/`, and Grafana, Prometheus and Alertmanager must find them. The suite `observability`
//! checks their content once for `docs/`.

mod applied;
mod mounted;

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{bail, ensure};
use observability::addresses::{GRAFANA, RUNBOOKS};
use support::{Cases, command, files, paths};

use super::combinations::Generated;
use crate::generate::{self, Answers, Service};

pub(super) fn cases(cases: &mut Cases, generated: &Generated, folder: &Path) {
    for deploy in ["compose", "kubernetes"] {
        let source = generated.with_store("postgres", deploy, "none");
        cases.check(&format!("{deploy}: dashboards equal those of docs"), || {
            let mut expected = files::read(&paths::root().join("docs/dashboards"))?;
            expected.remove("README.md");
            files::check_same(&files::read(&source.join(DASHBOARDS))?, &expected)
        });
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
}

/// The folder of a service's dashboards.
const DASHBOARDS: &str = "observability/dashboards";

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
