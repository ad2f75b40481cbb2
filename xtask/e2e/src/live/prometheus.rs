//! Prometheus with the scaled rules and the targets, and its query API.

use std::{fs, path::Path, path::PathBuf};

use anyhow::{Context as _, ensure};
use observability::alerts::{self, Timing};
use serde_json::{Value, json};
use support::{http, process::Process, tools};

use super::environment::{ORDERS, STARVED};

/// A target: job, instance, and address.
pub(super) type Scraped<'a> = (&'a str, &'a str, &'a str);

/// A running server.
pub(super) struct Prometheus {
    /// Kills the server on drop.
    _process: Process,
    address: String,
    targets: PathBuf,
}

impl Prometheus {
    /// Starts the server.
    ///
    /// Alerts are sent to `alertmanager`, if it is given. `relabel` is added to the scrape configuration.
    pub(super) fn start(
        tools: &tools::Prometheus,
        folder: &Path,
        alertmanager: Option<&str>,
        scraped: &[Scraped<'_>],
        relabel: &str,
    ) -> anyhow::Result<Self> {
        fs::write(folder.join("rules.yml"), alerts::rules(Timing::Scaled))?;
        fs::write(
            folder.join("objectives.yml"),
            alerts::objectives_of(&[ORDERS, STARVED], Timing::Scaled),
        )?;
        let targets = folder.join("targets.json");
        write_targets(&targets, scraped)?;
        let config = config_of(alertmanager, relabel);
        let (process, address) =
            tools.start(folder, &config, &["--rules.alert.resend-delay=2s"])?;
        Ok(Self {
            _process: process,
            address,
            targets,
        })
    }

    /// Replaces the targets.
    pub(super) fn scrape(&self, scraped: &[Scraped<'_>]) -> anyhow::Result<()> {
        write_targets(&self.targets, scraped)
    }

    /// The current value of each series of a query.
    pub(super) fn now(&self, query: &str) -> anyhow::Result<Vec<Value>> {
        self.request("query", &[("query", query)], "/data/result")
    }

    /// The value of each series of a query at a time in seconds since 1970.
    pub(super) fn at(&self, query: &str, second: f64) -> anyhow::Result<Vec<Value>> {
        let parameters = [("query", query), ("time", &*second.to_string())];
        self.request("query", &parameters, "/data/result")
    }

    /// The values of each series of a query in a time range, one per second.
    pub(super) fn range(&self, query: &str, from: f64, to: f64) -> anyhow::Result<Vec<Value>> {
        let (from, to) = (from.to_string(), to.to_string());
        let parameters = [
            ("query", query),
            ("start", &from),
            ("end", &to),
            ("step", "1"),
        ];
        self.request("query_range", &parameters, "/data/result")
    }

    /// The number of exemplars with a trace id.
    pub(super) fn exemplars(&self, query: &str) -> anyhow::Result<usize> {
        let parameters = [("query", query), ("start", "0"), ("end", "9999999999")];
        let series = self.request("query_exemplars", &parameters, "/data")?;
        let exemplars = series
            .iter()
            .filter_map(|series| series["exemplars"].as_array())
            .flatten();
        Ok(exemplars
            .filter(|exemplar| exemplar["labels"]["trace_id"].is_string())
            .count())
    }

    /// The number of values of a label, as for a dashboard's variable.
    pub(super) fn values(&self, selector: &str, label: &str) -> anyhow::Result<usize> {
        let values = self.request(
            &format!("label/{label}/values"),
            &[("match[]", selector)],
            "/data",
        )?;
        Ok(values.len())
    }

    fn request(
        &self,
        what: &str,
        parameters: &[(&str, &str)],
        pointer: &str,
    ) -> anyhow::Result<Vec<Value>> {
        let parameters = parameters
            .iter()
            .map(|(name, value)| format!("{name}={}", http::encoded(value)));
        let parameters: Vec<_> = parameters.collect();
        let url = format!("{}/api/v1/{what}?{}", self.address, parameters.join("&"));
        let answer = http::get(&url)?;
        ensure!(answer.status == 200, "Prometheus: {}", answer.body);
        let body: Value = serde_json::from_str(&answer.body)?;
        let result = body.pointer(pointer).and_then(Value::as_array);
        result
            .cloned()
            .with_context(|| format!("Prometheus answered {body}"))
    }
}

/// Writes the file of targets, which Prometheus watches.
///
/// The file is renamed into place, so that Prometheus never reads an incomplete one.
fn write_targets(file: &Path, scraped: &[Scraped<'_>]) -> anyhow::Result<()> {
    let entries = scraped.iter().map(|(job, instance, target)| {
        json!({ "targets": [target], "labels": { "job": job, "instance": instance } })
    });
    let new = file.with_extension("new");
    fs::write(&new, Value::from_iter(entries).to_string())?;
    fs::rename(&new, file).with_context(|| file.display().to_string())
}

fn config_of(alertmanager: Option<&str>, relabel: &str) -> String {
    let alerting = alertmanager.map(|address| {
        format!(
            "alerting:\n  alertmanagers:\n    - static_configs: [{{ targets: [\"{address}\"] }}]\n"
        )
    });
    format!(
        "\
global: {{ scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }}
rule_files: [objectives.yml, rules.yml]
{}scrape_configs:
  - job_name: live
    file_sd_configs: [{{ files: [targets.json], refresh_interval: 2s }}]
{relabel}",
        alerting.unwrap_or_default()
    )
}
