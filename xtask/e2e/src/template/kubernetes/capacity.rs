//! The maximum number of pods, and their connections to PostgreSQL.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, bail, ensure};
use support::{command, files, paths, yaml};

use super::{MANIFESTS, at, container, variable};
use crate::template::combinations::Generated;

/// Checks that kustomize passes an edited maximum number of pods to the pods.
pub(super) fn processes(source: &Path, kubectl: &Path) -> anyhow::Result<()> {
    let copy = paths::fresh("template-processes")?;
    files::write(&copy, &files::read(source)?)?;
    let manifests = copy.join(MANIFESTS);
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
            // Values of environment variables are strings in Kubernetes.
            let found = variable(&container(&document)?, PROCESSES)?;
            ensure!(found == "23", "found {found}, expected 23");
            return Ok(());
        }
    }
    bail!("kustomize renders no Deployment")
}

/// Checks that all pools fit into PostgreSQL's connections.
///
/// Each process has one more connection than its pool, for its readiness check.
pub(super) fn connections(generated: &Generated) -> anyhow::Result<()> {
    let source = generated.with_store("postgres", "kubernetes", "none");
    let read = |name: &str| yaml::read(&source.join(MANIFESTS).join(name));
    let deployment = read("deployment.yaml")?;
    let pool = variable(&container(&deployment)?, "DATABASE_MAX_CONNECTIONS")?;
    let pool: u64 = pool.parse()?;
    let scaler = read("horizontalpodautoscaler.yaml")?;
    let pods = at(&scaler, "/spec/maxReplicas")?;
    let pods = pods.as_u64().context("no number of pods")?;
    let surge = at(&deployment, "/spec/strategy/rollingUpdate/maxSurge")?;
    let surge = surge.as_u64().context("no number of additional pods")?;
    ensure!(surge <= pods, "a surge of {surge} is more than {pods} pods");
    // All old pods may still drain when all new ones have started.
    let needed = 2 * pods * (pool + 1);
    ensure!(
        needed <= MAX_CONNECTIONS - RESERVED_CONNECTIONS,
        "2 * {pods} pods use {needed} connections, expected {} at most",
        MAX_CONNECTIONS - RESERVED_CONNECTIONS
    );
    // With compose, one process has the default pool.
    let database = fs::read_to_string(paths::library().join("src/sqlx/database.rs"))?;
    let default = database
        .split_once("const MAX_CONNECTIONS: u32 = ")
        .and_then(|(_, rest)| rest.split_once(';'))
        .context("src/sqlx/database.rs has no MAX_CONNECTIONS")?
        .0;
    let needed = 2 * (default.parse::<u64>()? + 1);
    ensure!(
        needed <= MAX_CONNECTIONS - RESERVED_CONNECTIONS,
        "found {needed}"
    );
    let compose = generated.with_store("postgres", "compose", "none");
    let compose = yaml::read(&compose.join("deploy/compose/compose.yaml"))?;
    let text = compose.to_string();
    ensure!(
        !text.contains("max_connections") && !text.contains("DATABASE_MAX_CONNECTIONS"),
        "compose.yaml sets sizes of pools"
    );
    // Each job may hold a connection, and one must be left for requests.
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

/// The variable with the maximum number of processes.
const PROCESSES: &str = "DATABASE_PROCESSES";

/// PostgreSQL's default of `max_connections`.
const MAX_CONNECTIONS: u64 = 100;
/// Connections for superusers (3), an exporter, backups and psql.
const RESERVED_CONNECTIONS: u64 = 10;
