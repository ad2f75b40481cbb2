//! Checks that compose.yaml and the files that it mounts agree.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use support::{Cases, tools::PostgresServer, yaml};

use super::{
    combinations::Generated,
    kubernetes::{at, check_variable, stop_seconds},
};

pub(super) fn cases(cases: &mut Cases, generated: &Generated) {
    check_file(cases, &generated.deployed("compose"), "", (12, 8));
    // The database adds an exporter with its queries, and a script that creates the exporter's user.
    let postgres = generated.with_store("postgres", "compose", "none");
    check_file(cases, &postgres, ", with postgres", (14, 11));
}

/// Checks a compose file; `expected` are the numbers of mounts and addresses.
fn check_file(cases: &mut Cases, source: &Path, with: &str, expected: (usize, usize)) {
    let folder = source.join("deploy/compose");
    let compose = || yaml::read(&folder.join("compose.yaml"));
    let datasources = || -> anyhow::Result<Vec<Value>> {
        let file = yaml::read(&folder.join("grafana/datasources.yaml"))?;
        let list = at(&file, "/datasources")?;
        Ok(list.as_array().context("no list")?.clone())
    };
    let what = format!("compose: mounted files exist{with}");
    cases.check(&what, || {
        let mut found = 0;
        let compose = compose()?;
        let is_volume = |source: &str| compose.pointer(&format!("/volumes/{source}")).is_some();
        for service in services(&compose)?.values() {
            for Mount { source, .. } in mounts(service)? {
                let exists = is_volume(&source) || folder.join(&source).exists();
                ensure!(exists, "{source} does not exist");
                found += 1;
            }
        }
        ensure!(
            found == expected.0,
            "found {found} mounts, expected {}",
            expected.0
        );
        Ok(())
    });
    cases.check(
        &format!("compose: grace period and variables fit{with}"),
        || {
            let service = at(&compose()?, "/services/service")?;
            let grace = service["stop_grace_period"].as_str().unwrap_or_default();
            let grace: u64 = grace.trim_end_matches('s').parse()?;
            let needed = stop_seconds()?;
            ensure!(
                grace > needed,
                "found {grace} s, expected more than {needed}"
            );
            let variables = service["environment"].as_object();
            for name in variables.context("no variables")?.keys() {
                check_variable(name)?;
            }
            Ok(())
        },
    );
    let what = format!("compose: addresses are of its services{with}");
    cases.check(&what, || {
        let services: BTreeSet<_> = services(&compose()?)?.keys().cloned().collect();
        let mut addresses = Vec::new();
        for source in datasources()? {
            addresses.push(source["url"].clone());
        }
        let collector = yaml::read(&folder.join("collector.yaml"))?;
        let exporters = at(&collector, "/exporters")?;
        for exporter in exporters.as_object().context("no exporters")?.values() {
            addresses.push(exporter["endpoint"].clone());
        }
        let prometheus = yaml::read(&folder.join("prometheus.yml"))?;
        let jobs = at(&prometheus, "/scrape_configs")?;
        for job in jobs.as_array().context("no list")? {
            addresses.push(at(job, "/static_configs/0/targets/0")?);
        }
        let alertmanager = "/alerting/alertmanagers/0/static_configs/0/targets/0";
        addresses.push(at(&prometheus, alertmanager)?);
        let compose = compose()?;
        for variable in [
            "service/environment/OTEL_EXPORTER_OTLP_ENDPOINT",
            "service/environment/DATABASE_URL",
            "postgres_exporter/environment/DATA_SOURCE_NAME",
        ] {
            let address = compose.pointer(&format!("/services/{variable}"));
            addresses.extend(address.cloned());
        }
        ensure!(
            addresses.len() == expected.1,
            "found {addresses:?}, expected {}",
            expected.1
        );
        for address in addresses {
            let text = address.as_str().context("no address")?;
            let known = services.contains(host(text));
            ensure!(known, "{text}: expected one of {services:?}");
        }
        Ok(())
    });
    let what = "compose: Grafana links exemplars, spans and log lines";
    cases.check(&format!("{what}{with}"), || {
        let sources = datasources()?;
        let source = |uid: &str| {
            let found = sources.iter().find(|source| source["uid"] == uid);
            found.with_context(|| format!("no data source {uid}"))
        };
        for (from, link, to) in [
            (
                "prometheus",
                "/jsonData/exemplarTraceIdDestinations/0/datasourceUid",
                "tempo",
            ),
            ("tempo", "/jsonData/tracesToLogsV2/datasourceUid", "loki"),
            ("loki", "/jsonData/derivedFields/0/datasourceUid", "tempo"),
        ] {
            let found = at(source(from)?, link)?;
            ensure!(found == to, "{from}: found {found}, expected {to}");
            source(to)?;
        }
        Ok(())
    });
}

/// Runs the script of the database's first start on a real server.
pub(super) fn script(cases: &mut Cases, generated: &Generated, server: &PostgresServer) {
    let what = "postgres.sql: the exporter can read statistics only";
    if let Err(error) = server.psql("postgres", "SELECT 1") {
        return cases.not_run(what, &format!("{error:#}"));
    }
    cases.check(what, || {
        let folder = generated.with_store("postgres", "compose", "none");
        let script = fs::read_to_string(folder.join("deploy/compose/postgres.sql"))?;
        let psql = |sql: &str| server.psql("compose", sql);
        server.psql("postgres", "CREATE DATABASE compose")?;
        psql(&script)?;
        psql("CREATE TABLE private AS SELECT 1 AS number")?;
        let sessions = "SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = 'postgres' AND state IS NOT NULL";
        let sees = psql(&format!("SET ROLE exporter; {sessions}"))?;
        ensure!(sees.trim() == "t", "found {sees:?}, expected t");
        let queries = folder.join("deploy/compose/platform/dashboards/postgres_exporter.yaml");
        let queries = yaml::read(&queries)?;
        for (name, query) in queries.as_object().context("no queries")? {
            let query = query["query"].as_str().context("no text")?;
            psql(&format!("SET ROLE exporter; {query}")).with_context(|| name.clone())?;
        }
        let reads = psql("SET ROLE exporter; SELECT number FROM private");
        ensure!(reads.is_err(), "the exporter can read a table");
        Ok(())
    });
}

/// The server settings that [`script`] needs.
pub(super) const SETTINGS: &[&str] = &["shared_preload_libraries=pg_stat_statements"];

/// A file or folder that is mounted into a container.
pub(super) struct Mount {
    /// The path relative to the folder of the compose file, or the name of a volume.
    pub(super) source: String,
    /// The path in the container.
    pub(super) target: String,
}

/// The mounts of one service of a compose file.
pub(super) fn mounts(service: &Value) -> anyhow::Result<Vec<Mount>> {
    let mounts = service["volumes"].as_array().into_iter().flatten();
    let mount = |mount: &Value| {
        let text = mount.as_str()?;
        let (source, rest) = text.split_once(':')?;
        Some(Mount {
            source: source.to_owned(),
            target: rest.split(':').next()?.to_owned(),
        })
    };
    mounts
        .map(|text| mount(text).with_context(|| format!("{text} is not a mount")))
        .collect()
}

/// The host of an address.
///
/// Examples of addresses are `http://loki:3100/otlp`, `service:9464` and `postgres://user@database/name`.
fn host(address: &str) -> &str {
    let (_, rest) = address.split_once("://").unwrap_or(("", address));
    let (_, rest) = rest.split_once('@').unwrap_or(("", rest));
    rest.split([':', '/']).next().unwrap_or_default()
}

/// The services of a compose file by name.
pub(super) fn services(compose: &Value) -> anyhow::Result<serde_json::Map<String, Value>> {
    let services = at(compose, "/services")?;
    Ok(services.as_object().context("no services")?.clone())
}
