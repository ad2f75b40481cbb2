//! The answers about a cluster: registry, namespaces and team.

use std::{fs, path::Path};

use anyhow::{Context as _, bail, ensure};
use support::{Cases, command, yaml};

use super::{MANIFESTS, at};
use crate::generate::{self, Answers, QUESTIONS, Service};

/// Answers that differ from the defaults.
///
/// Some look like numbers or booleans, which YAML would take them for without quotes.
const ANSWERS: [(&str, &str); 4] = [
    ("registry", "registry.test:5000/shops/eu"),
    ("namespace", "2026"),
    ("monitoring", "on"),
    ("team", "true"),
];

/// Answers that a manifest, or a program that reads it, would not accept.
const INVALID: [(&str, &str); 8] = [
    ("registry", "https://registry.test"),
    ("registry", "registry.test/"),
    ("registry", "registry.test/Shop"),
    ("registry", "registry.test/a:1"),
    ("namespace", "Shop"),
    ("namespace", "-shop"),
    ("monitoring", "a.b"),
    ("team", "team of shop"),
];

pub(in crate::template) fn cases(cases: &mut Cases, folder: &Path) {
    cases.check("cluster: each answer is in manifests and record", || {
        are_used(folder)
    });
    cases.check("cluster: without a team there is no label", || {
        let without = generated("in-no-team", folder, &[])?;
        let kustomization = yaml::read(&without.join(MANIFESTS).join("kustomization.yaml"))?;
        ensure!(kustomization["labels"].is_null(), "{kustomization}");
        let monitor = yaml::read(&without.join(MANIFESTS).join("podmonitor.yaml"))?;
        let copied = &monitor["spec"]["podTargetLabels"];
        ensure!(copied.is_null(), "found {copied}");
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
    let gateway = read("collector/gateway.yaml")?;
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
        (
            &gateway,
            "/exporters/otlp_grpc~1traces/endpoint",
            "tempo.on:4317",
        ),
        (
            &gateway,
            "/exporters/otlp_http~1logs/endpoint",
            "http://loki.on:3100/otlp",
        ),
    ] {
        let found = at(manifest, pointer)?;
        ensure!(
            found == expected,
            "{pointer}: found {found}, expected {expected:?}"
        );
    }
    let copied = at(&read("podmonitor.yaml")?, "/spec/podTargetLabels/0")?;
    ensure!(copied == "team", "found {copied}");
    let record = fs::read_to_string(service.join(".firstlight.toml"))?;
    for (question, answer) in ANSWERS {
        let line = format!("{question} = \"{answer}\"");
        ensure!(
            record.lines().any(|found| found == line),
            "no {line} in:\n{record}"
        );
    }
    // Nothing that a team has to edit is left.
    for question in QUESTIONS
        .iter()
        .filter(|question| question.name == "registry")
    {
        for default in question
            .variants
            .iter()
            .filter_map(|form| form.default.as_ref())
        {
            let readme = fs::read_to_string(service.join("README.md"))?;
            ensure!(!readme.contains(default), "README.md has {default}");
        }
    }
    Ok(())
}
