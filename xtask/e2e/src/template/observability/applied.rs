//! Rules and dashboards on Kubernetes, as `kubectl apply -k` sends them.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use support::{Cases, command, files, paths, tools, yaml};

use super::{DASHBOARDS, dashboards};
use crate::template::{combinations::Generated, kubernetes::at};

pub(super) fn cases(cases: &mut Cases, generated: &Generated) {
    let source = generated.deployed("kubernetes");
    cases.check("kustomization: has every dashboard, with a prefix", || {
        check_kustomization(&source)
    });
    cases.check("PrometheusRules: known keys, rules of docs/alerts", || {
        check_rules(&source)
    });
    let what = "kustomize: adds name, label and namespace";
    match tools::on_path("kubectl") {
        Some(kubectl) => {
            cases.check(what, || check_rendered(&source, &kubectl));
        }
        None => cases.not_run(what, "install kubectl; no cluster is needed"),
    }
}

fn check_kustomization(source: &Path) -> anyhow::Result<()> {
    let kustomization = yaml::read(&source.join("observability/kustomization.yaml"))?;
    let entries = at(&kustomization, "/configMapGenerator")?;
    let mut found = BTreeSet::new();
    for entry in entries.as_array().context("no list")? {
        let file = at(entry, "/files/0")?;
        let file = file.as_str().context("no text")?;
        let (key, path) = file.split_once('=').context("no key")?;
        let name = path.trim_start_matches("dashboards/");
        ensure!(key == format!("firstlight-{name}"), "{path}: found {key}");
        found.insert(name.to_owned());
    }
    let expected = dashboards()?;
    ensure!(found == expected, "found {found:?}, expected {expected:?}");
    Ok(())
}

/// The YAML documents of a file.
fn documents(text: &str) -> anyhow::Result<Vec<Value>> {
    text.split("\n---\n").map(yaml::parse).collect()
}

/// Checks the rules and their keys.
///
/// No package provides the operator's schema, so the used keys are listed here.
fn check_rules(source: &Path) -> anyhow::Result<()> {
    let read = |file: &Path| documents(&fs::read_to_string(file)?);
    let found = read(&source.join("observability/alerts/prometheusrule.yaml"))?;
    let expected = read(&paths::root().join("docs/alerts/prometheusrule.yaml"))?;
    ensure!(
        found == expected,
        "the rules differ from docs/alerts/prometheusrule.yaml"
    );
    for resource in &found {
        let kind = (&resource["apiVersion"], &resource["kind"]);
        ensure!(
            kind.0 == "monitoring.coreos.com/v1" && kind.1 == "PrometheusRule",
            "found {kind:?}"
        );
        check_keys(resource, &["apiVersion", "kind", "metadata", "spec"])?;
        check_keys(&resource["spec"], &["groups"])?;
        for group in items(&resource["spec"]["groups"])? {
            check_keys(group, &["name", "interval", "rules"])?;
            for rule in items(&group["rules"])? {
                check_keys(
                    rule,
                    &["record", "alert", "expr", "for", "labels", "annotations"],
                )?;
                for words in ["labels", "annotations"] {
                    let words = rule[words].as_object().into_iter().flatten();
                    for (name, value) in words {
                        ensure!(
                            value.is_string(),
                            "{name}: found {value}, expected a string"
                        );
                    }
                }
            }
        }
    }
    Ok(())
}

fn items(list: &Value) -> anyhow::Result<&Vec<Value>> {
    list.as_array()
        .with_context(|| format!("{list} is not a list"))
}

fn check_keys(object: &Value, known: &[&str]) -> anyhow::Result<()> {
    let object = object.as_object().context("no object")?;
    let unknown: Vec<_> = object
        .keys()
        .filter(|key| !known.contains(&key.as_str()))
        .collect();
    ensure!(
        unknown.is_empty(),
        "{unknown:?}, expected some of {known:?}"
    );
    Ok(())
}

/// Renders a copy with another namespace, and with the commented-out folder.
fn check_rendered(source: &Path, kubectl: &Path) -> anyhow::Result<()> {
    let copy = paths::fresh("template-applied")?;
    files::write(&copy, &files::read(source)?)?;
    let manifests = copy.join("deploy/kubernetes");
    let kustomization = manifests.join("kustomization.yaml");
    let text = fs::read_to_string(&kustomization)?;
    fs::write(
        &kustomization,
        text.replace("namespace: \"default\"", "namespace: \"shop\"")
            .replace("#- ../../observability", "- ../../observability"),
    )?;
    let rendered = command::run_quietly(Command::new(kubectl).arg("kustomize").arg(&manifests))?;
    let mut shown = BTreeSet::new();
    let mut rules = 0;
    for object in documents(&rendered)? {
        ensure!(
            object["metadata"]["namespace"] == "shop",
            "{}: no namespace",
            object["metadata"]
        );
        let size = object.to_string().len();
        ensure!(
            size < MAX_SIZE,
            "{}: found {size} bytes, expected less than {MAX_SIZE}",
            object["metadata"]
        );
        let label = &object["metadata"]["labels"]["app.kubernetes.io/name"];
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        ensure!(
            label == "bare" && name.starts_with("bare"),
            "found {}",
            object["metadata"]
        );
        rules += usize::from(object["kind"] == "PrometheusRule");
        if object["kind"] != "ConfigMap" {
            continue;
        }
        ensure!(
            object["metadata"]["labels"]["grafana_dashboard"] == "1",
            "{}",
            object["metadata"]
        );
        for (key, text) in object["data"].as_object().context("no data")? {
            let name = key.trim_start_matches("firstlight-").to_owned();
            let file = fs::read_to_string(source.join(DASHBOARDS).join(&name))?;
            ensure!(*text == file, "{key} differs from {name}");
            shown.insert(name);
        }
    }
    ensure!(shown == dashboards()?, "found {shown:?}");
    ensure!(rules == 2, "found {rules} PrometheusRules");
    Ok(())
}

/// The size of an object that can be applied.
///
/// `kubectl apply` stores the object in an annotation, and annotations have a limit of 256 KiB.
const MAX_SIZE: usize = 256 * 1024;
