//! What the manifests say to each other, which no schema knows: names that must meet, and seconds that must suffice.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use anyhow::{Context as _, bail, ensure};
use firstlight::config::VARIABLES;
use serde_json::Value;
use support::{Cases, command, files, paths, tools, yaml};

use super::{combinations::Generated, readme};
use crate::generate::{self, Answers, Service};

pub(super) fn cases(cases: &mut Cases, generated: &Generated) {
    let source = generated.deployed("kubernetes");
    let manifests = source.join("deploy/kubernetes");
    let read = |name: &str| yaml::read(&manifests.join(name));
    cases.check("kustomization.yaml lists every manifest", || {
        let mut there = BTreeSet::new();
        for entry in fs::read_dir(&manifests)? {
            let entry = entry?;
            there.insert(entry.file_name().to_string_lossy().into_owned());
        }
        there.remove("kustomization.yaml");
        there.remove("collector");
        // Rules and dashboards are applied once in each cluster, and not with each service.
        let listed = texts(&read("kustomization.yaml")?, "/resources");
        ensure!(there == listed, "found {listed:?}, expected {there:?}");
        Ok(())
    });
    cases.check("all manifests mean the same pods", || {
        let deployment = read("deployment.yaml")?;
        let labels = at(&deployment, "/spec/template/metadata/labels")?;
        for (file, selector) in [
            ("deployment.yaml", "/spec/selector/matchLabels"),
            ("service.yaml", "/spec/selector"),
            ("poddisruptionbudget.yaml", "/spec/selector/matchLabels"),
            ("networkpolicy.yaml", "/spec/podSelector/matchLabels"),
            ("podmonitor.yaml", "/spec/selector/matchLabels"),
        ] {
            let manifest = read(file)?;
            let found = at(&manifest, selector)?;
            ensure!(found == labels, "{file}: found {found}, expected {labels}");
        }
        let scaler = read("horizontalpodautoscaler.yaml")?;
        let (target, name) = ("/spec/scaleTargetRef/name", "/metadata/name");
        ensure!(at(&scaler, target)? == at(&deployment, name)?, "{scaler}");
        Ok(())
    });
    cases.check(
        "every port that a manifest names is one of the image",
        || {
            let deployment = read("deployment.yaml")?;
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
                let found = at(&read(file)?, port)?;
                let known = found.as_str().is_some_and(|name| names.contains(name));
                ensure!(known, "{file}: found {found}, expected one of {names:?}");
            }
            Ok(())
        },
    );
    let postgres = generated.with_store("postgres", "kubernetes", "none");
    cases.check(
        "README.md makes every Secret that the pods read, before it applies the manifests",
        || secrets(&postgres),
    );
    cases.check("the probes ask the admin port what it answers", || {
        let container = container(&read("deployment.yaml")?)?;
        for (probe, path) in [
            ("startupProbe", "/livez"),
            ("livenessProbe", "/livez"),
            ("readinessProbe", "/readyz"),
        ] {
            let get = at(&container, &format!("/{probe}/httpGet"))?;
            let asks = get["path"] == path && get["port"] == "admin";
            ensure!(asks, "{probe}: found {get}, expected {path} of admin");
        }
        Ok(())
    });
    cases.check(
        "the grace period holds the drain delay, the drain and the flush, with some seconds to spare",
        || {
            let deployment = read("deployment.yaml")?;
            let grace = at(&deployment, "/spec/template/spec/terminationGracePeriodSeconds")?;
            let grace = grace.as_u64().context("no number of seconds")?;
            let container = container(&deployment)?;
            let delay = variable(&container, "FIRSTLIGHT_DRAIN_DELAY")?;
            let delay = delay.parse::<u64>()?.div_ceil(1000);
            ensure!(delay >= 3, "{delay} s is less than load balancers need");
            let needed = delay + stop_seconds()? + TO_SPARE;
            ensure!(grace >= needed, "found {grace} s, expected {needed} s at least");
            Ok(())
        },
    );
    cases.check(
        "the pools of all pods fit into PostgreSQL, also while a rollout replaces them",
        || connections(generated),
    );
    let what = "the pods are told how many there may be, also once that is edited";
    match tools::on_path("kubectl") {
        Some(kubectl) => {
            cases.check(what, || processes(&postgres, &kubectl));
        }
        None => cases.not_run(what, "install kubectl; no cluster is needed"),
    }
    cases.check("the pods have no rights that they do not need", || {
        let deployment = read("deployment.yaml")?;
        let pod = at(&deployment, "/spec/template/spec")?;
        let container = container(&deployment)?;
        for (where_, pointer, expected) in [
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
            let found = at(where_, pointer)?;
            ensure!(
                found == expected,
                "{pointer}: found {found}, expected {expected}"
            );
        }
        Ok(())
    });
    cases.check(
        "every variable of telemetry in the deployment exists, and names what it uses above it",
        || {
            let container = container(&read("deployment.yaml")?)?;
            let env = at(&container, "/env")?;
            let mut defined = BTreeSet::new();
            for entry in env.as_array().context("no list")? {
                let name = entry["name"].as_str().context("no name")?;
                known_variable(name)?;
                let value = entry["value"].as_str().unwrap_or_default();
                for used in value.split("$(").skip(1) {
                    let used = used.split(')').next().unwrap_or_default();
                    ensure!(
                        defined.contains(used),
                        "{name} uses {used}, which is not above it"
                    );
                }
                defined.insert(name.to_owned());
            }
            Ok(())
        },
    );
    cases.check(
        "the PodMonitor has no key that the operator does not know",
        || {
            // Its schema comes with no package; these are the keys that we use of it.
            let monitor = read("podmonitor.yaml")?;
            for (pointer, known) in [
                (
                    "/spec",
                    &["jobLabel", "selector", "podMetricsEndpoints"][..],
                ),
                ("/spec/podMetricsEndpoints/0", &["port", "path", "interval"]),
            ] {
                let found = at(&monitor, pointer)?;
                let keys = found.as_object().context("no object")?.keys();
                let unknown: Vec<_> = keys.filter(|key| !known.contains(&key.as_str())).collect();
                ensure!(unknown.is_empty(), "{pointer}: {unknown:?}");
            }
            Ok(())
        },
    );
}

/// With another number of pods, kustomize gives that to the pods.
fn processes(source: &Path, kubectl: &Path) -> anyhow::Result<()> {
    let manifests = paths::fresh("template-processes")?;
    files::write(&manifests, &files::of(&source.join("deploy/kubernetes"))?)?;
    let scaler = manifests.join("horizontalpodautoscaler.yaml");
    let text = fs::read_to_string(&scaler)?;
    let pods = at(&yaml::parse(&text)?, "/spec/maxReplicas")?;
    fs::write(
        &scaler,
        text.replace(&format!("maxReplicas: {pods}"), "maxReplicas: 23"),
    )?;
    let deployment = yaml::read(&manifests.join("deployment.yaml"))?;
    let found = variable(&container(&deployment)?, PROCESSES)?;
    ensure!(
        pods == found.parse::<u64>()?,
        "found {found}, expected {pods}"
    );
    let rendered = command::run_quietly(Command::new(kubectl).arg("kustomize").arg(&manifests))?;
    for document in rendered.split("\n---\n") {
        let document = yaml::parse(document)?;
        if document["kind"] == "Deployment" {
            // A text: Kubernetes takes no number there.
            let found = variable(&container(&document)?, PROCESSES)?;
            ensure!(found == "23", "found {found}, expected 23");
            return Ok(());
        }
    }
    bail!("kustomize renders no Deployment")
}

/// Each process has one connection more than its pool, for its readiness check.
fn connections(generated: &Generated) -> anyhow::Result<()> {
    let source = generated.with_store("postgres", "kubernetes", "none");
    let read = |name: &str| yaml::read(&source.join("deploy/kubernetes").join(name));
    let deployment = read("deployment.yaml")?;
    let pool = variable(&container(&deployment)?, "DATABASE_MAX_CONNECTIONS")?;
    let pool: u64 = pool.parse()?;
    let scaler = read("horizontalpodautoscaler.yaml")?;
    let pods = at(&scaler, "/spec/maxReplicas")?;
    let pods = pods.as_u64().context("no number of pods")?;
    let surge = at(&deployment, "/spec/strategy/rollingUpdate/maxSurge")?;
    let surge = surge.as_u64().context("no number of pods more")?;
    ensure!(surge <= pods, "a surge of {surge} is more than {pods} pods");
    // All old pods may still drain when all new ones are there.
    let needed = 2 * pods * (pool + 1);
    ensure!(
        needed <= MAX_CONNECTIONS - KEPT_CONNECTIONS,
        "2 * {pods} pods take {needed} connections, expected {} at most",
        MAX_CONNECTIONS - KEPT_CONNECTIONS
    );
    // With compose: one process, with the default pool.
    let database = fs::read_to_string(paths::library().join("src/sqlx/database.rs"))?;
    let default = database
        .split_once("const MAX_CONNECTIONS: u32 = ")
        .and_then(|(_, rest)| rest.split_once(';'))
        .context("src/sqlx/database.rs has no MAX_CONNECTIONS")?
        .0;
    let needed = 2 * (default.parse::<u64>()? + 1);
    ensure!(
        needed <= MAX_CONNECTIONS - KEPT_CONNECTIONS,
        "found {needed}"
    );
    let compose = generated.with_store("postgres", "compose", "none");
    let compose = yaml::read(&compose.join("deploy/compose/compose.yaml"))?;
    let text = compose.to_string();
    ensure!(
        !text.contains("max_connections") && !text.contains("DATABASE_MAX_CONNECTIONS"),
        "compose.yaml has sizes of its own"
    );
    // The worker's jobs, each of which may hold one, leave one to requests.
    let jobs = fs::read_to_string(paths::library().join("src/jobs/apalis/workers.rs"))?;
    let jobs: u64 = jobs
        .split_once("const CONCURRENCY: usize = ")
        .and_then(|(_, rest)| rest.split_once(';'))
        .context("src/jobs/apalis/workers.rs has no CONCURRENCY")?
        .0
        .parse()?;
    ensure!(jobs < pool, "{jobs} jobs at once, in a pool of {pool}");
    Ok(())
}

/// What the service reads it from.
const PROCESSES: &str = "DATABASE_PROCESSES";

/// Of PostgreSQL, unless told otherwise.
const MAX_CONNECTIONS: u64 = 100;
/// For superusers (3), an exporter, backups and psql.
const KEPT_CONNECTIONS: u64 = 10;

/// Cargo allows an underscore in a name, Kubernetes does not.
pub(super) fn names(cases: &mut Cases, folder: &Path) {
    cases.check(
        "a service called orders_api is orders-api on Kubernetes",
        || {
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
        },
    );
}

/// From the end of accepting to the exit, by default: the drain and the flush.
pub(super) fn stop_seconds() -> anyhow::Result<u64> {
    let seconds = |name: &str| -> anyhow::Result<u64> {
        let found = VARIABLES.iter().find(|variable| variable.name == name);
        let default = found.context("no such variable")?.default;
        Ok(default.trim_matches('`').parse::<u64>()?.div_ceil(1000))
    };
    Ok(seconds("FIRSTLIGHT_DRAIN_TIMEOUT")? + seconds("FIRSTLIGHT_SHUTDOWN_TIMEOUT")?)
}

/// A name that looks like one of telemetry's must be one.
pub(super) fn known_variable(name: &str) -> anyhow::Result<()> {
    let telemetry = ["OTEL_", "FIRSTLIGHT_"]
        .iter()
        .any(|prefix| name.starts_with(prefix));
    let known = VARIABLES.iter().any(|variable| variable.name == name);
    ensure!(known || !telemetry, "nothing reads {name}");
    Ok(())
}

pub(super) fn at(value: &Value, pointer: &str) -> anyhow::Result<Value> {
    let found = value.pointer(pointer);
    found
        .cloned()
        .with_context(|| format!("there is no {pointer}"))
}

fn container(deployment: &Value) -> anyhow::Result<Value> {
    at(deployment, "/spec/template/spec/containers/0")
}

fn variable(container: &Value, name: &str) -> anyhow::Result<String> {
    let env = at(container, "/env")?;
    let mut entries = env.as_array().into_iter().flatten();
    let entry = entries.find(|entry| entry["name"] == name);
    let value = entry.and_then(|entry| entry["value"].as_str());
    Ok(value.with_context(|| format!("no {name}"))?.to_owned())
}

fn texts(value: &Value, pointer: &str) -> BTreeSet<String> {
    let items = value.pointer(pointer).and_then(Value::as_array);
    let texts = items.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// For whatever is slower than it should be.
const TO_SPARE: u64 = 5;

/// A key that is not there leaves the container at CreateContainerConfigError.
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
