//! Checks the configurations of the collector and of Tempo.
//!
//! No package provides the collector, so its own validation is not available. The checks compare keys and components
//! with its documentation, and its pipelines with the defined components.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use support::{Cases, paths, yaml};

use super::{combinations::Generated, kubernetes::at, versions::COLLECTORS};

pub(super) fn cases(cases: &mut Cases, generated: &Generated) {
    let collectors = paths::root().join(COLLECTORS);
    let compose = generated.deployed("compose");
    for (name, file) in [
        (
            "collector of compose",
            compose.join("deploy/compose/collector.yaml"),
        ),
        ("collector on each node", collectors.join("agent.yaml")),
        (
            "collector in front of the stores",
            collectors.join("gateway.yaml"),
        ),
    ] {
        let what = format!("{name}: pipelines use what is defined");
        cases.check(&what, || pipelines(&file));
    }
    cases.check("tempo: only configuration blocks of Tempo 3", || {
        let tempo = yaml::read(&compose.join("deploy/compose/tempo.yaml"))?;
        for block in tempo.as_object().context("no object")?.keys() {
            let known = TEMPO.contains(&block.as_str());
            ensure!(known, "found {block}, expected one of {TEMPO:?}");
        }
        Ok(())
    });
    cases.check("sampling: whole traces, and all failed ones", || {
        let agent = yaml::read(&collectors.join("agent.yaml"))?;
        let key = at(&agent, "/exporters/load_balancing/routing_key")?;
        ensure!(key == "traceID", "found {key}, expected traceID");
        let gateway = yaml::read(&collectors.join("gateway.yaml"))?;
        let policies = at(&gateway, "/processors/tail_sampling/policies")?;
        let policies = policies.as_array().context("no list")?;
        for policy in policies {
            let kind = policy["type"].as_str().context("no type")?;
            ensure!(policy[kind].is_object(), "{policy} has no settings {kind}");
        }
        let errors = |policy: &Value| policy["status_code"]["status_codes"][0] == "ERROR";
        ensure!(policies.iter().any(errors), "no policy keeps errors");
        let processors = at(&gateway, "/service/pipelines/logs/processors")?;
        let sampled = processors.to_string().contains("tail_sampling");
        ensure!(!sampled, "tail_sampling supports only traces");
        Ok(())
    });
}

/// The components that the files may use.
///
/// The names are those of the documentation. Deprecated aliases are rejected.
const COMPONENTS: [(&str, &[&str]); 3] = [
    ("receivers", &["otlp", "file_log"]),
    (
        "processors",
        &["memory_limiter", "batch", "k8s_attributes", "tail_sampling"],
    ),
    ("exporters", &["otlp_grpc", "otlp_http", "load_balancing"]),
];

/// The configuration blocks of Tempo 3 in a single process.
///
/// Tempo does not start with any other block, such as `compactor` and `ingester` of Tempo 2.
const TEMPO: [&str; 12] = [
    "backend_scheduler",
    "backend_worker",
    "cache",
    "distributor",
    "live_store",
    "memberlist",
    "metrics_generator",
    "overrides",
    "querier",
    "query_frontend",
    "server",
    "storage",
];

/// Checks the components and the pipelines of a configuration.
fn pipelines(file: &Path) -> anyhow::Result<()> {
    let config = yaml::read(file)?;
    let keys: BTreeSet<_> = config.as_object().context("no object")?.keys().collect();
    ensure!(
        keys.iter()
            .map(|key| key.as_str())
            .eq(["exporters", "processors", "receivers", "service"]),
        "found {keys:?}"
    );
    let pipelines = at(&config, "/service/pipelines")?;
    let pipelines = pipelines.as_object().context("no pipelines")?;
    for (kind, known) in COMPONENTS {
        let defined = at(&config, &format!("/{kind}"))?;
        let defined: BTreeSet<_> = defined
            .as_object()
            .context("no object")?
            .keys()
            .cloned()
            .collect();
        for name in &defined {
            let component = name.split('/').next().unwrap_or_default();
            ensure!(
                known.contains(&component),
                "{kind}: found {name}, expected one of {known:?}"
            );
        }
        let mut used = BTreeSet::new();
        for (signal, pipeline) in pipelines {
            let signal = signal.as_str();
            ensure!(
                ["traces", "metrics", "logs"].contains(&signal),
                "found {signal}"
            );
            let list = pipeline[kind].as_array().context("no list")?;
            let names: Vec<_> = list.iter().filter_map(Value::as_str).collect();
            if kind == "processors" {
                let first_and_last = (names.first(), names.last());
                let expected = (Some(&"memory_limiter"), Some(&"batch"));
                ensure!(
                    first_and_last == expected,
                    "{signal}: found {names:?}, expected {expected:?} as the first and the last"
                );
            }
            used.extend(names.into_iter().map(str::to_owned));
        }
        ensure!(
            used == defined,
            "{kind}: {used:?} are used, {defined:?} are defined"
        );
    }
    Ok(())
}
