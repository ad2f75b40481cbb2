//! Checks that the Kubernetes manifests agree with each other.

mod capacity;
mod cluster_answers;

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, ensure};
use firstlight::config::VARIABLES;
use serde_json::Value;
use support::{Cases, command, tools, yaml};

pub(super) use cluster_answers::cases as answers;

use super::{combinations::Generated, readme};
use crate::generate::{self, Answers, Service};

pub(super) fn cases(cases: &mut Cases, generated: &Generated) {
    let source = generated.deployed("kubernetes");
    let manifests = source.join(MANIFESTS);
    cases.check("kustomization: lists every manifest", || {
        lists_manifests(&manifests)
    });
    cases.check("manifests: all select the same pods", || {
        select_same_pods(&manifests)
    });
    cases.check("manifests: named ports are exposed by the image", || {
        use_exposed_ports(&source)
    });
    let postgres = generated.with_store("postgres", "kubernetes", "none");
    for (source, with) in [(&source, ""), (&postgres, ", with postgres")] {
        cases.check(
            &format!("README: creates Secrets before it applies{with}"),
            || secrets(source),
        );
    }
    cases.check("probes: paths of the admin port", || probes(&manifests));
    cases.check("grace period: covers drain delay, drain and flush", || {
        grace_period(&manifests)
    });
    cases.check("pools: all pods of a rollout fit into PostgreSQL", || {
        capacity::connections(generated)
    });
    let what = "pods: have their maximum number, also if edited";
    match tools::on_path("kubectl") {
        Some(kubectl) => {
            cases.check(what, || capacity::processes(&postgres, &kubectl));
        }
        None => cases.not_run(what, "install kubectl; no cluster is needed"),
    }
    cases.check("pods: run without unnecessary privileges", || {
        privileges(&manifests)
    });
    cases.check("deployment: variables exist and use earlier ones", || {
        variables(&manifests)
    });
    cases.check("PodMonitor: only keys that the operator knows", || {
        monitor_keys(&manifests)
    });
}

/// The folder of the manifests in a generated service.
const MANIFESTS: &str = "deploy/kubernetes";

/// Reads a manifest.
fn read(manifests: &Path, name: &str) -> anyhow::Result<Value> {
    yaml::read(&manifests.join(name))
}

/// Checks that kustomization.yaml lists every manifest of the folder.
fn lists_manifests(manifests: &Path) -> anyhow::Result<()> {
    let mut expected = BTreeSet::new();
    for entry in fs::read_dir(manifests)? {
        let entry = entry?;
        expected.insert(entry.file_name().to_string_lossy().into_owned());
    }
    expected.remove("kustomization.yaml");
    expected.remove("collector");
    expected.insert("../../observability".to_owned());
    let listed = texts(&read(manifests, "kustomization.yaml")?, "/resources");
    ensure!(
        expected == listed,
        "found {listed:?}, expected {expected:?}"
    );
    Ok(())
}

/// Checks that all selectors have the labels of the deployment's pods.
fn select_same_pods(manifests: &Path) -> anyhow::Result<()> {
    let deployment = read(manifests, "deployment.yaml")?;
    let labels = at(&deployment, "/spec/template/metadata/labels")?;
    for (file, selector) in [
        ("deployment.yaml", "/spec/selector/matchLabels"),
        ("service.yaml", "/spec/selector"),
        ("poddisruptionbudget.yaml", "/spec/selector/matchLabels"),
        ("networkpolicy.yaml", "/spec/podSelector/matchLabels"),
        ("podmonitor.yaml", "/spec/selector/matchLabels"),
    ] {
        let manifest = read(manifests, file)?;
        let found = at(&manifest, selector)?;
        ensure!(found == labels, "{file}: found {found}, expected {labels}");
    }
    let scaler = read(manifests, "horizontalpodautoscaler.yaml")?;
    let (target, name) = ("/spec/scaleTargetRef/name", "/metadata/name");
    ensure!(at(&scaler, target)? == at(&deployment, name)?, "{scaler}");
    Ok(())
}

/// Checks that named ports exist, and that the Dockerfile exposes them.
fn use_exposed_ports(source: &Path) -> anyhow::Result<()> {
    let manifests = &source.join(MANIFESTS);
    let deployment = read(manifests, "deployment.yaml")?;
    let ports = at(&container(&deployment)?, "/ports")?;
    let ports = ports.as_array().context("no list of ports")?;
    let exposed: Vec<_> = ports
        .iter()
        .map(|port| port["containerPort"].to_string())
        .collect();
    let dockerfile = fs::read_to_string(source.join("Dockerfile"))?;
    let expose = format!("EXPOSE {}", exposed.join(" "));
    ensure!(dockerfile.contains(&expose), "Dockerfile: no {expose:?}");
    let names: BTreeSet<_> = ports
        .iter()
        .filter_map(|port| port["name"].as_str())
        .collect();
    for (file, port) in [
        ("service.yaml", "/spec/ports/0/targetPort"),
        ("networkpolicy.yaml", "/spec/ingress/0/ports/0/port"),
        ("networkpolicy.yaml", "/spec/ingress/1/ports/0/port"),
        ("podmonitor.yaml", "/spec/podMetricsEndpoints/0/port"),
    ] {
        let found = at(&read(manifests, file)?, port)?;
        let known = found.as_str().is_some_and(|name| names.contains(name));
        ensure!(known, "{file}: found {found}, expected one of {names:?}");
    }
    Ok(())
}

/// Checks the paths and the port of all probes.
fn probes(manifests: &Path) -> anyhow::Result<()> {
    let container = container(&read(manifests, "deployment.yaml")?)?;
    for (probe, path) in [
        ("startupProbe", "/livez"),
        ("livenessProbe", "/livez"),
        ("readinessProbe", "/readyz"),
    ] {
        let get = at(&container, &format!("/{probe}/httpGet"))?;
        let is_expected = get["path"] == path && get["port"] == "admin";
        ensure!(
            is_expected,
            "{probe}: found {get}, expected {path} of admin"
        );
    }
    Ok(())
}

/// Checks that the grace period covers all steps of a stop.
fn grace_period(manifests: &Path) -> anyhow::Result<()> {
    let deployment = read(manifests, "deployment.yaml")?;
    let grace = at(
        &deployment,
        "/spec/template/spec/terminationGracePeriodSeconds",
    )?;
    let grace = grace.as_u64().context("no number of seconds")?;
    let container = container(&deployment)?;
    let delay = variable(&container, "FIRSTLIGHT_DRAIN_DELAY")?;
    let delay = delay.parse::<u64>()?.div_ceil(1000);
    ensure!(delay >= 3, "{delay} s is less than load balancers need");
    let needed = delay + stop_seconds()? + MARGIN;
    ensure!(
        grace >= needed,
        "found {grace} s, expected {needed} s at least"
    );
    Ok(())
}

/// Checks the security context of the pod and of its container.
fn privileges(manifests: &Path) -> anyhow::Result<()> {
    let deployment = read(manifests, "deployment.yaml")?;
    let pod = at(&deployment, "/spec/template/spec")?;
    let container = container(&deployment)?;
    for (object, pointer, expected) in [
        (&pod, "/securityContext/runAsNonRoot", Value::from(true)),
        (&pod, "/automountServiceAccountToken", Value::from(false)),
        (
            &container,
            "/securityContext/allowPrivilegeEscalation",
            Value::from(false),
        ),
        (
            &container,
            "/securityContext/readOnlyRootFilesystem",
            Value::from(true),
        ),
        (
            &container,
            "/securityContext/capabilities/drop/0",
            Value::from("ALL"),
        ),
    ] {
        let found = at(object, pointer)?;
        ensure!(
            found == expected,
            "{pointer}: found {found}, expected {expected}"
        );
    }
    Ok(())
}

/// Checks that variables exist and refer only to variables before them.
fn variables(manifests: &Path) -> anyhow::Result<()> {
    let container = container(&read(manifests, "deployment.yaml")?)?;
    let env = at(&container, "/env")?;
    let mut defined = BTreeSet::new();
    for entry in env.as_array().context("no list")? {
        let name = entry["name"].as_str().context("no name")?;
        check_variable(name)?;
        let value = entry["value"].as_str().unwrap_or_default();
        for used in value.split("$(").skip(1) {
            let used = used.split(')').next().unwrap_or_default();
            ensure!(
                defined.contains(used),
                "{name} uses {used}, which is not defined before it"
            );
        }
        defined.insert(name.to_owned());
    }
    Ok(())
}

/// Checks the keys of the PodMonitor.
fn monitor_keys(manifests: &Path) -> anyhow::Result<()> {
    // No package provides the operator's schema, so the used keys are listed here.
    let monitor = read(manifests, "podmonitor.yaml")?;
    for (pointer, known) in [
        (
            "/spec",
            &[
                "jobLabel",
                "podTargetLabels",
                "selector",
                "podMetricsEndpoints",
            ][..],
        ),
        ("/spec/podMetricsEndpoints/0", &["port", "path", "interval"]),
    ] {
        let found = at(&monitor, pointer)?;
        let keys = found.as_object().context("no object")?.keys();
        let unknown: Vec<_> = keys.filter(|key| !known.contains(&key.as_str())).collect();
        ensure!(unknown.is_empty(), "{pointer}: {unknown:?}");
    }
    Ok(())
}

/// Checks names with an underscore, which Cargo allows but Kubernetes does not.
pub(super) fn names(cases: &mut Cases, folder: &Path) {
    cases.check("names: orders_api is orders-api on Kubernetes", || {
        let service = Service {
            name: "orders_api",
            destination: folder,
            answers: Answers::least().with("deploy", "kubernetes"),
            extra: &generate::throwaway(),
        };
        command::run_quietly(&mut service.command()?)?;
        let deployment = folder.join("orders_api/deploy/kubernetes/deployment.yaml");
        let name = at(&yaml::read(&deployment)?, "/metadata/name")?;
        ensure!(name == "orders-api", "found {name}");
        Ok(())
    });
}

/// The default duration of a stop in seconds: the drain and the flush.
pub(super) fn stop_seconds() -> anyhow::Result<u64> {
    let seconds = |name: &str| -> anyhow::Result<u64> {
        let found = VARIABLES.iter().find(|variable| variable.name == name);
        let default = found.context("no such variable")?.default;
        Ok(default.trim_matches('`').parse::<u64>()?.div_ceil(1000))
    };
    Ok(seconds("FIRSTLIGHT_DRAIN_TIMEOUT")? + seconds("FIRSTLIGHT_SHUTDOWN_TIMEOUT")?)
}

/// Checks that a variable exists if it has a prefix of telemetry.
pub(super) fn check_variable(name: &str) -> anyhow::Result<()> {
    let telemetry = ["OTEL_", "FIRSTLIGHT_"]
        .iter()
        .any(|prefix| name.starts_with(prefix));
    let known = VARIABLES.iter().any(|variable| variable.name == name);
    ensure!(known || !telemetry, "nothing reads {name}");
    Ok(())
}

/// The value at a JSON pointer.
pub(super) fn at(value: &Value, pointer: &str) -> anyhow::Result<Value> {
    let found = value.pointer(pointer);
    found
        .cloned()
        .with_context(|| format!("no value at {pointer}"))
}

/// The container of the service.
pub(super) fn container(deployment: &Value) -> anyhow::Result<Value> {
    at(deployment, "/spec/template/spec/containers/0")
}

/// The value of an environment variable of a container.
pub(super) fn variable(container: &Value, name: &str) -> anyhow::Result<String> {
    let env = at(container, "/env")?;
    let mut entries = env.as_array().into_iter().flatten();
    let entry = entries.find(|entry| entry["name"] == name);
    let value = entry.and_then(|entry| entry["value"].as_str());
    Ok(value.with_context(|| format!("no {name}"))?.to_owned())
}

/// The strings of the list at a JSON pointer.
fn texts(value: &Value, pointer: &str) -> BTreeSet<String> {
    let items = value.pointer(pointer).and_then(Value::as_array);
    let texts = items.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// Additional seconds of the grace period, for slow machines.
const MARGIN: u64 = 5;

/// Checks that the README's commands create all keys of Secrets for the pods.
///
/// With a missing key, a container stays in CreateContainerConfigError.
fn secrets(source: &Path) -> anyhow::Result<()> {
    let deployment = yaml::read(&source.join("deploy/kubernetes/deployment.yaml"))?;
    let variables = at(&container(&deployment)?, "/env")?;
    let commands = readme::shell_blocks(source, "## Deploy it")?.concat();
    let (before, _) = commands
        .split_once("kubectl apply -k")
        .context("README.md applies nothing")?;
    let mut found = 0;
    for variable in variables.as_array().context("no list of variables")? {
        let reference = &variable["valueFrom"]["secretKeyRef"];
        let Some(name) = reference["name"].as_str() else {
            continue;
        };
        found += 1;
        let key = reference["key"].as_str().context("no key")?;
        for needed in [
            format!("kubectl create secret generic {name} "),
            format!("--from-literal={key}="),
        ] {
            ensure!(
                before.contains(&needed),
                "found no {needed:?} in:\n{before}"
            );
        }
    }
    ensure!(found > 0, "the pods read no Secret");
    Ok(())
}
