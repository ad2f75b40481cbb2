//! What the compose file and the files that it mounts say to each other: names, ports, links between the stores.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::{
    combinations::Generated,
    kubernetes::{at, known_variable, stop_seconds},
};
use crate::{test::Cases, yaml};

pub(super) fn cases(cases: &mut Cases, generated: &Generated) {
    let source = generated.deployed("compose");
    let folder = source.join("deploy/compose");
    let compose = || yaml::read(&folder.join("compose.yaml"));
    let datasources = || -> anyhow::Result<Vec<Value>> {
        let file = yaml::read(&folder.join("grafana/datasources.yaml"))?;
        let list = at(&file, "/datasources")?;
        Ok(list.as_array().context("no list")?.clone())
    };
    cases.check("compose.yaml mounts files that are there", || {
        let mut mounts = 0;
        for service in services(&compose()?)?.values() {
            for mount in service["volumes"].as_array().into_iter().flatten() {
                let mount = mount.as_str().context("no text")?;
                let file = mount.split(':').next().unwrap_or_default();
                ensure!(folder.join(file).is_file(), "{file} is not there");
                mounts += 1;
            }
        }
        ensure!(mounts == 5, "found {mounts} mounts, expected 5");
        Ok(())
    });
    cases.check(
        "compose waits for the drain and the flush, and sets variables that exist",
        || {
            let service = at(&compose()?, "/services/service")?;
            let grace = service["stop_grace_period"].as_str().unwrap_or_default();
            let grace: u64 = grace.trim_end_matches('s').parse()?;
            let needed = stop_seconds(&source)?;
            ensure!(
                grace > needed,
                "found {grace} s, expected more than {needed}"
            );
            let variables = service["environment"].as_object();
            for name in variables.context("no variables")?.keys() {
                known_variable(name)?;
            }
            Ok(())
        },
    );
    cases.check("every address leads to a service of compose.yaml", || {
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
        addresses.push(at(
            &prometheus,
            "/scrape_configs/0/static_configs/0/targets/0",
        )?);
        let endpoint = "/services/service/environment/OTEL_EXPORTER_OTLP_ENDPOINT";
        addresses.push(at(&compose()?, endpoint)?);
        ensure!(addresses.len() == 7, "found {addresses:?}, expected 7");
        for address in addresses {
            let text = address.as_str().context("no address")?;
            let host = text.trim_start_matches("http://").split(':').next();
            let known = host.is_some_and(|host| services.contains(host));
            ensure!(known, "{text}: expected one of {services:?}");
        }
        Ok(())
    });
    cases.check(
        "Grafana goes from an exemplar to its trace, from a span to its lines, from a line to its trace",
        || {
            let sources = datasources()?;
            let source = |uid: &str| {
                let found = sources.iter().find(|source| source["uid"] == uid);
                found.with_context(|| format!("no data source {uid}"))
            };
            for (from, link, to) in [
                ("prometheus", "/jsonData/exemplarTraceIdDestinations/0/datasourceUid", "tempo"),
                ("tempo", "/jsonData/tracesToLogsV2/datasourceUid", "loki"),
                ("loki", "/jsonData/derivedFields/0/datasourceUid", "tempo"),
            ] {
                let found = at(source(from)?, link)?;
                ensure!(found == to, "{from}: found {found}, expected {to}");
                source(to)?;
            }
            Ok(())
        },
    );
}

fn services(compose: &Value) -> anyhow::Result<serde_json::Map<String, Value>> {
    let services = at(compose, "/services")?;
    Ok(services.as_object().context("no services")?.clone())
}
