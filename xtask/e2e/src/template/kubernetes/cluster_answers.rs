//! The answers about a cluster, from its registry to the team.

use std::{fs, path::Path};

use anyhow::{Context as _, bail, ensure};
use support::{Cases, command, files, yaml};

use super::{MANIFESTS, at};
use crate::generate::{self, Answers, QUESTIONS, Service};

/// Answers that differ from the defaults.
///
/// Some look like numbers or booleans, which YAML would take them for without quotes.
const ANSWERS: [(&str, &str); 6] = [
    ("registry", "registry.test:5000/shops/eu"),
    ("namespace", "2026"),
    ("monitoring", "on"),
    ("selector", "monitoring.test/release=1.0"),
    ("environment", "Production.eu"),
    ("team", "true"),
];

/// Answers that a manifest, or a program that reads it, would not accept.
const INVALID: [(&str, &str); 15] = [
    ("registry", "https://registry.test"),
    ("registry", "registry.test/"),
    ("registry", "registry.test/Shop"),
    ("registry", "registry.test/a:1"),
    ("namespace", "Shop"),
    ("namespace", "-shop"),
    ("namespace", "none"),
    ("monitoring", "a.b"),
    ("monitoring", "none"),
    ("selector", "release"),
    ("selector", "release=a=b"),
    ("selector", "/release=a"),
    ("selector", "a/b/c=d"),
    ("environment", "production,a=b"),
    ("team", "team of shop"),
];

pub(in crate::template) fn cases(cases: &mut Cases, folder: &Path) {
    cases.check("cluster: each answer is in manifests and record", || {
        are_used(folder)
    });
    cases.check("cluster: without a team or selector, no label", || {
        let without = generated("in-no-team", folder, &[])?;
        let kustomization = yaml::read(&without.join(MANIFESTS).join("kustomization.yaml"))?;
        ensure!(kustomization["labels"].is_null(), "{kustomization}");
        let monitor = yaml::read(&without.join(MANIFESTS).join("podmonitor.yaml"))?;
        let copied = &monitor["spec"]["podTargetLabels"];
        ensure!(copied.is_null(), "found {copied}");
        let labels = monitor["metadata"]["labels"].as_object();
        ensure!(labels.is_some_and(|labels| labels.len() == 1), "{monitor}");
        let observability = yaml::read(&without.join("observability/kustomization.yaml"))?;
        ensure!(observability["labels"].is_null(), "{observability}");
        Ok(())
    });
    for (question, answer) in INVALID {
        cases.check(&format!("cluster: {question}={answer} is rejected"), || {
            let Err(error) = generated("in-no-cluster", folder, &[(question, answer)]) else {
                bail!("the answer was accepted")
            };
            let message = format!("{error:#}");
            for needed in [format!("{question}=\"{answer}\""), "Expected: ".to_owned()] {
                ensure!(message.contains(&needed), "no {needed:?} in:\n{message}");
            }
            fs::remove_dir(folder.join("in-no-cluster")).context("files were left")
        });
    }
}

/// Generates a service for Kubernetes.
fn generated(
    name: &str,
    folder: &Path,
    answers: &[(&str, &str)],
) -> anyhow::Result<std::path::PathBuf> {
    let all = Answers::least().with("deploy", "kubernetes");
    let all = answers
        .iter()
        .fold(all, |all, (name, answer)| all.with(name, answer));
    let service = Service {
        name,
        destination: folder,
        answers: all,
        extra: &generate::throwaway(),
    };
    command::run_quietly(&mut service.command()?)?;
    Ok(folder.join(name))
}

fn are_used(folder: &Path) -> anyhow::Result<()> {
    let service = generated("in-a-cluster", folder, &ANSWERS)?;
    let read = |file: &str| yaml::read(&service.join(MANIFESTS).join(file));
    let (kustomization, network) = (read("kustomization.yaml")?, read("networkpolicy.yaml")?);
    let (deployment, monitor) = (read("deployment.yaml")?, read("podmonitor.yaml")?);
    let observability = yaml::read(&service.join("observability/kustomization.yaml"))?;
    let selector = "monitoring.test~1release";
    let of_monitor = format!("/metadata/labels/{selector}");
    let of_rules = format!("/labels/0/pairs/{selector}");
    let prometheus =
        "/spec/ingress/1/from/0/namespaceSelector/matchLabels/kubernetes.io~1metadata.name";
    for (manifest, pointer, expected) in [
        (
            &kustomization,
            "/images/0/newName",
            "registry.test:5000/shops/eu/in-a-cluster",
        ),
        (&kustomization, "/namespace", "2026"),
        (&kustomization, "/labels/0/pairs/team", "true"),
        (&network, prometheus, "on"),
        (&monitor, &of_monitor, "1.0"),
        (&observability, &of_rules, "1.0"),
    ] {
        let found = at(manifest, pointer)?;
        ensure!(
            found == expected,
            "{pointer}: found {found}, expected {expected:?}"
        );
    }
    let copied = at(&monitor, "/spec/podTargetLabels/0")?;
    ensure!(copied == "team", "found {copied}");
    let attributes = "deployment.environment.name=Production.eu,k8s.namespace.name=";
    ensure!(
        deployment.to_string().contains(attributes),
        "no {attributes}"
    );
    let record = fs::read_to_string(service.join(".firstlight.toml"))?;
    for (question, answer) in ANSWERS {
        let line = format!("{question} = \"{answer}\"");
        ensure!(
            record.lines().any(|found| found == line),
            "no {line} in:\n{record}"
        );
    }
    // No default is left, which a team would have to edit.
    let files = files::read(&service)?;
    let mut defaults = 0;
    for question in QUESTIONS.iter() {
        let places = DEFAULTS.iter().find(|(name, _)| question.name == *name);
        for place in places.iter().flat_map(|(_, places)| *places) {
            let defaults_of = question
                .variants
                .iter()
                .filter_map(|form| form.default.as_ref());
            for default in defaults_of {
                let written = place.replace('*', default);
                let has_default =
                    |content: &[u8]| String::from_utf8_lossy(content).contains(&written);
                let found = files.iter().find(|(_, content)| has_default(content));
                let found = found.map(|(name, _)| name);
                ensure!(found.is_none(), "{found:?} has {written:?}");
                defaults += 1;
            }
        }
    }
    ensure!(defaults > 5, "found {defaults} defaults");
    Ok(())
}

/// How commands and manifests would have the default `*` of an answer.
const DEFAULTS: [(&str, &[&str]); 3] = [
    ("registry", &["*"]),
    ("namespace", &["-n * ", "--namespace *", "namespace: \"*\""]),
    (
        "monitoring",
        &["-n * ", "--namespace *", "name: \"*\"", ".*:"],
    ),
];
