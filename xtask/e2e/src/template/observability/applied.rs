//! Rules and dashboards on Kubernetes, as `kubectl apply -k` sends them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};
use observability::{addresses::Addresses, platform};
use serde_json::Value;
use support::{Cases, command, files, paths, tools, yaml};

use super::{dashboards, with_defaults, with_objectives};
use crate::template::{combinations::Generated, kubernetes::at};

pub(super) fn cases(cases: &mut Cases, generated: &Generated) {
    let source = generated.deployed("kubernetes");
    cases.check("platform: has every dashboard, with a prefix", || {
        check_kustomization()
    });
    cases.check("PrometheusRules: only known keys", || check_rules(&source));
    for (what, check) in [
        (
            "kubectl: renders the platform, and a copy with URLs",
            check_platform as fn(&Path, &Path) -> anyhow::Result<()>,
        ),
        ("kubectl: renders a service's own rules", check_service),
        (
            "kubectl: renders a service without the operator",
            check_without_operator,
        ),
    ] {
        match tools::on_path("kubectl") {
            Some(kubectl) => {
                cases.check(what, || check(&kubectl, &source));
            }
            None => cases.not_run(what, "install kubectl; no cluster is needed"),
        }
    }
}

/// The folder of the rules and dashboards for every service.
fn platform() -> PathBuf {
    paths::root().join("docs/platform")
}

fn check_kustomization() -> anyhow::Result<()> {
    let folder = paths::root().join("docs/dashboards");
    let kustomization = yaml::read(&folder.join("kustomization.yaml"))?;
    let entries = at(&kustomization, "/configMapGenerator")?;
    let mut found = BTreeSet::new();
    for entry in entries.as_array().context("no list")? {
        let file = at(entry, "/files/0")?;
        let file = file.as_str().context("no text")?;
        let (key, name) = file.split_once('=').context("no key")?;
        ensure!(key == format!("firstlight-{name}"), "{name}: found {key}");
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

/// Checks the keys of all rules.
///
/// No package provides the operator's schema, so the used keys are listed here.
fn check_rules(source: &Path) -> anyhow::Result<()> {
    let own = fs::read_to_string(source.join("observability/rules.yaml"))?;
    let shared = fs::read_to_string(paths::root().join("docs/alerts/prometheusrule.yaml"))?;
    for (text, expected) in [(own.clone(), 1), (with_objectives(&own)?, 1), (shared, 2)] {
        let resources = documents(&text)?;
        ensure!(
            resources.len() == expected,
            "found {} resources, expected {expected}",
            resources.len()
        );
        resources.iter().try_for_each(check_resource)?;
    }
    Ok(())
}

fn check_resource(resource: &Value) -> anyhow::Result<()> {
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

/// The objects that `kubectl apply -k` would apply.
pub(super) fn rendered(kubectl: &Path, folder: &Path) -> anyhow::Result<Vec<Value>> {
    let rendered = command::run_quietly(Command::new(kubectl).arg("kustomize").arg(folder))?;
    let objects = documents(&rendered)?;
    for object in &objects {
        let size = object.to_string().len();
        ensure!(
            size < MAX_SIZE,
            "{}: found {size} bytes, expected less than {MAX_SIZE}",
            object["metadata"]
        );
    }
    Ok(objects)
}

/// The objects of the rules and dashboards for every service.
pub(super) fn of_platform(kubectl: &Path) -> anyhow::Result<Vec<Value>> {
    rendered(kubectl, &platform())
}

/// Renders `docs/platform` and a copy of it.
fn check_platform(kubectl: &Path, _source: &Path) -> anyhow::Result<()> {
    let objects = of_platform(kubectl)?;
    let mut shown = BTreeSet::new();
    let mut rules = 0;
    for object in &objects {
        let metadata = &object["metadata"];
        let name = metadata["name"].as_str().unwrap_or_default();
        let labels = &metadata["labels"];
        ensure!(
            name.starts_with("firstlight")
                && labels["app.kubernetes.io/part-of"] == "firstlight"
                && labels["app.kubernetes.io/version"] == env!("CARGO_PKG_VERSION"),
            "found {metadata}"
        );
        rules += usize::from(object["kind"] == "PrometheusRule");
        if object["kind"] != "ConfigMap" {
            continue;
        }
        ensure!(labels["grafana_dashboard"] == "1", "found {metadata}");
        for (key, text) in object["data"].as_object().context("no data")? {
            let name = key.trim_start_matches("firstlight-").to_owned();
            let file = fs::read_to_string(paths::root().join("docs/dashboards").join(&name))?;
            ensure!(*text == file, "{key} differs from {name}");
            shown.insert(name);
        }
    }
    ensure!(shown == dashboards()?, "found {shown:?}");
    ensure!(rules == 2, "found {rules} PrometheusRules");

    let copy = paths::fresh("template-platform")?;
    let addresses = Addresses {
        grafana: Some("https://grafana.test".to_owned()),
        runbooks: Some("https://wiki.test/books".to_owned()),
    };
    platform::copy(&copy, &addresses)?;
    let found = with_defaults(&copy)?;
    ensure!(found.is_empty(), "found defaults in {found:?}");
    let names = |objects: &[Value]| -> Vec<String> {
        let names = objects
            .iter()
            .map(|object| object["metadata"]["name"].to_string());
        names.collect()
    };
    let (found, expected) = (names(&rendered(kubectl, &copy)?), names(&objects));
    ensure!(found == expected, "found {found:?}, expected {expected:?}");
    Ok(())
}

/// Renders a copy of the service in another namespace.
fn check_service(kubectl: &Path, source: &Path) -> anyhow::Result<()> {
    let copy = paths::fresh("template-applied")?;
    files::write(&copy, &files::read(source)?)?;
    let manifests = copy.join("deploy/kubernetes");
    let kustomization = manifests.join("kustomization.yaml");
    let text = fs::read_to_string(&kustomization)?;
    fs::write(
        &kustomization,
        text.replace("namespace: \"default\"", "namespace: \"shop\""),
    )?;
    let mut rules = 0;
    for object in rendered(kubectl, &manifests)? {
        let metadata = &object["metadata"];
        let name = metadata["name"].as_str().unwrap_or_default();
        ensure!(
            metadata["namespace"] == "shop"
                && metadata["labels"]["app.kubernetes.io/name"] == "bare"
                && name.starts_with("bare"),
            "found {metadata}"
        );
        rules += usize::from(object["kind"] == "PrometheusRule");
        ensure!(object["kind"] != "ConfigMap", "found {metadata}");
    }
    ensure!(rules == 1, "found {rules} PrometheusRules");
    Ok(())
}

/// Removes what needs the Prometheus Operator from a copy, as its README says.
fn check_without_operator(kubectl: &Path, source: &Path) -> anyhow::Result<()> {
    let copy = paths::fresh("template-without-operator")?;
    files::write(&copy, &files::read(source)?)?;
    for (folder, file) in [
        ("deploy/kubernetes", "podmonitor.yaml"),
        ("observability", "rules.yaml"),
    ] {
        let folder = copy.join(folder);
        fs::remove_file(folder.join(file))?;
        let list = folder.join("kustomization.yaml");
        let text = fs::read_to_string(&list)?;
        let line = format!("  - {file}\n");
        ensure!(text.contains(&line), "{} has no {line:?}", list.display());
        fs::write(&list, text.replace(&line, ""))?;
    }
    let objects = rendered(kubectl, &copy.join("deploy/kubernetes"))?;
    ensure!(!objects.is_empty(), "found no objects");
    for object in objects {
        let version = object["apiVersion"].as_str().context("no apiVersion")?;
        ensure!(!version.contains("coreos"), "found {object}");
    }
    Ok(())
}

/// The size of an object that can be applied.
///
/// `kubectl apply` stores the object in an annotation, and annotations have a limit of 256 KiB.
const MAX_SIZE: usize = 256 * 1024;
