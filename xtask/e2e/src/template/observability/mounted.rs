//! Checks the files that compose mounts into its containers.
//!
//! They are the rules, Alertmanager's configuration and the dashboards.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use support::{Cases, command, files, paths, tools, yaml};

use super::{DASHBOARDS, dashboards, with_objectives};
use crate::template::{
    combinations::Generated,
    compose::{self, Mount},
    kubernetes::at,
};

pub(super) fn cases(cases: &mut Cases, generated: &Generated) {
    for store in ["none", "postgres"] {
        let source = generated.with_store(store, "compose", "none");
        prometheus(cases, &source, store);
    }
    let source = generated.deployed("compose");
    alertmanager(cases, &source);
    cases.check(
        "Grafana: has every dashboard, starts with the overview",
        || grafana(&source),
    );
    cases.check("alerts: each links to a dashboard of Grafana", || {
        links(&source)
    });
}

/// A container of compose, with its mounts copied below a folder.
struct Container {
    service: Value,
    root: PathBuf,
}

impl Container {
    fn with_mounts(source: &Path, name: &str) -> anyhow::Result<Self> {
        let folder = source.join("deploy/compose");
        let compose = yaml::read(&folder.join("compose.yaml"))?;
        let service = at(&compose, &format!("/services/{name}"))?;
        let root = paths::fresh(&format!("template-mounted-{name}"))?;
        for Mount { source, target } in compose::mounts(&service)? {
            let (from, to) = (folder.join(&source), below(&root, &target));
            if from.is_dir() {
                files::write(&to, &files::read(&from)?)?;
            } else {
                fs::create_dir_all(to.parent().unwrap_or(&root))?;
                fs::copy(&from, &to).with_context(|| source.clone())?;
            }
        }
        Ok(Self { service, root })
    }

    /// The copy of an absolute path of the container.
    fn path(&self, path: &str) -> PathBuf {
        below(&self.root, path)
    }
}

fn below(root: &Path, absolute: &str) -> PathBuf {
    root.join(absolute.trim_start_matches('/'))
}

fn prometheus(cases: &mut Cases, source: &Path, store: &str) {
    let what = format!("promtool: accepts the mounted rules with store={store}");
    let promtool = match tools::prometheus() {
        Ok(tools) => tools.promtool,
        Err(error) => return cases.not_run(&what, &format!("{error:#}")),
    };
    cases.check(&what, || {
        let container = Container::with_mounts(source, "prometheus")?;
        let arguments = at(&container.service, "/command")?;
        let mut arguments = arguments.as_array().into_iter().flatten();
        let config =
            arguments.find_map(|argument| argument.as_str()?.strip_prefix("--config.file="));
        let config = container.path(config.context("Prometheus has no --config.file")?);
        let check = || {
            let mut check = Command::new(&promtool);
            command::run_quietly(check.args(["check", "config"]).arg(&config))
        };
        let output = check()?;
        ensure!(
            output.contains("3 rule files found"),
            "the output of promtool:\n{output}"
        );
        let own = container.path("/etc/prometheus/service/rules.yaml");
        fs::write(&own, with_objectives(&fs::read_to_string(&own)?)?)?;
        check().context("with the objectives of the service")?;
        let rules = container.path("/etc/prometheus/platform/firstlight.rules.yml");
        let text = fs::read_to_string(&rules)?;
        fs::write(&rules, text.replacen("expr: ", "expr: (", 1))?;
        if check().is_ok() {
            bail!("promtool also accepts an invalid rule");
        }
        fs::remove_file(&rules)?;
        if check().is_ok() {
            bail!("promtool also accepts missing rules");
        }
        Ok(())
    });
}

/// Checks Alertmanager's configuration with and without its commented receivers.
///
/// In the generated file, no receiver sends anything. Without the comment signs, the file equals that of `docs/alerts`.
fn alertmanager(cases: &mut Cases, source: &Path) {
    let what = "amtool: accepts alertmanager.yml, also uncommented";
    let amtool = match tools::alertmanager() {
        Ok(tools) => tools.amtool,
        Err(error) => return cases.not_run(what, &format!("{error:#}")),
    };
    cases.check(what, || {
        let container = Container::with_mounts(source, "alertmanager")?;
        // The path that the image uses.
        let config = container.path("/etc/alertmanager/alertmanager.yml");
        let check = || {
            let mut check = Command::new(&amtool);
            command::run_quietly(check.arg("check-config").arg(&config))
        };
        check()?;
        let receivers = at(&yaml::read(&config)?, "/receivers")?;
        for receiver in receivers.as_array().context("receivers are not a list")? {
            let keys = receiver.as_object().context("a receiver has no fields")?;
            ensure!(keys.keys().eq(["name"]), "{receiver} sends something");
        }
        let text = fs::read_to_string(&config)?;
        fs::write(&config, text.replace("    #", "    "))?;
        check()?;
        let found = yaml::read(&config)?;
        let expected = yaml::read(&paths::root().join("docs/alerts/alertmanager.yml"))?;
        ensure!(found == expected, "found {found}, expected {expected}");
        Ok(())
    });
}

fn grafana(source: &Path) -> anyhow::Result<()> {
    let container = Container::with_mounts(source, "grafana")?;
    let provisioning = container.path("/etc/grafana/provisioning");
    let providers = yaml::read(&provisioning.join("dashboards/dashboards.yaml"))?;
    let provided = |provider: usize| -> anyhow::Result<String> {
        let path = at(&providers, &format!("/providers/{provider}/options/path"))?;
        Ok(path
            .as_str()
            .context("the dashboards have no path")?
            .to_owned())
    };
    let (folder, own) = (provided(0)?, provided(1)?);
    for name in dashboards()? {
        let file = container.path(&folder).join(&name);
        ensure!(file.is_file(), "{name} is not in {folder}");
    }
    let readme = container.path(&own).join("README.md");
    ensure!(readme.is_file(), "{own} is not observability/dashboards");
    let home = at(
        &container.service,
        "/environment/GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH",
    )?;
    ensure!(
        home == format!("{folder}/overview.json"),
        "the first dashboard: found {home}, expected overview.json in {folder}"
    );
    // Dashboards use the default data source unless another one is selected.
    let sources = yaml::read(&provisioning.join("datasources/datasources.yaml"))?;
    let sources = at(&sources, "/datasources")?;
    let default = sources.as_array().into_iter().flatten();
    let default: Vec<_> = default
        .filter(|source| source["isDefault"] == true)
        .collect();
    let [prometheus] = default[..] else {
        bail!("found {} default data sources, expected 1", default.len())
    };
    ensure!(
        prometheus["type"] == "prometheus",
        "the default data source: found {prometheus}, expected Prometheus"
    );
    let interval = at(prometheus, "/jsonData/timeInterval")?;
    let scraped = yaml::read(&source.join("deploy/compose/prometheus.yml"))?;
    let scraped = at(&scraped, "/global/scrape_interval")?;
    ensure!(
        interval == scraped,
        "timeInterval: found {interval}, expected Prometheus' scrape interval {scraped}"
    );
    Ok(())
}

fn links(source: &Path) -> anyhow::Result<()> {
    let compose = yaml::read(&source.join("deploy/compose/compose.yaml"))?;
    let port = at(&compose, "/services/grafana/ports/0")?;
    let port = port.as_str().unwrap_or_default();
    let port = port.trim_start_matches("127.0.0.1:").split(':').next();
    let grafana = format!("http://localhost:{}/d/", port.unwrap_or_default());
    let mut uids = Vec::new();
    for name in dashboards()? {
        let text = fs::read_to_string(source.join(DASHBOARDS).join(name))?;
        uids.push(serde_json::from_str::<Value>(&text)?["uid"].clone());
    }
    let rules = yaml::read(&source.join("deploy/compose/platform/alerts/firstlight.rules.yml"))?;
    let groups = at(&rules, "/groups")?;
    let groups = groups.as_array().into_iter().flatten();
    let rules = groups.flat_map(|group| group["rules"].as_array().into_iter().flatten());
    let mut alerts = 0;
    for alert in rules.filter(|rule| !rule["alert"].is_null()) {
        let url = at(alert, "/annotations/dashboard_url")?;
        let uid = url.as_str().and_then(|url| url.strip_prefix(&grafana));
        let uid = uid.and_then(|rest| rest.split('?').next());
        let known = uid.is_some_and(|uid| uids.iter().any(|known| known == uid));
        ensure!(known, "{}: {url} is not a dashboard", alert["alert"]);
        alerts += 1;
    }
    ensure!(alerts > 20, "found {alerts} alerts");
    Ok(())
}
