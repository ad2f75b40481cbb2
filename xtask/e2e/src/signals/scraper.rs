//! Prometheus with one target, and its query API.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, bail};
use serde_json::Value;
use support::{http, process::Process, tools};

/// A running server, which keeps exemplars.
pub(super) struct Prometheus {
    /// Kills the server on drop.
    _process: Process,
    address: String,
}

impl Prometheus {
    /// Starts the server on a free port.
    ///
    /// `admin` is the target's address, such as `http://127.0.0.1:9464`.
    pub(super) fn start(
        tools: &tools::Prometheus,
        folder: &Path,
        admin: &str,
    ) -> anyhow::Result<Self> {
        let target = admin.trim_start_matches("http://");
        let scrape =
            format!("- job_name: {JOB}\n    static_configs: [{{ targets: [\"{target}\"] }}]\n");
        let config = format!("global: {{ scrape_interval: 500ms }}\nscrape_configs:\n  {scrape}");
        let (process, address) = tools.start(folder, &config, &[])?;
        Ok(Self {
            _process: process,
            address,
        })
    }

    /// Repeats a query until its result satisfies `wanted`, and returns the result.
    pub(super) fn query(
        &self,
        query: &str,
        wanted: impl Fn(&[Value]) -> bool,
    ) -> anyhow::Result<Vec<Value>> {
        let url = format!(
            "{}/api/v1/query?query={}",
            self.address,
            http::encoded(query)
        );
        self.poll_api(&url, "/data/result", wanted)
            .with_context(|| format!("Prometheus query: {query}"))
    }

    /// Waits for exemplars of a query and returns their trace ids.
    pub(super) fn exemplars(&self, query: &str) -> anyhow::Result<Vec<String>> {
        let url = format!(
            "{}/api/v1/query_exemplars?query={}&start=0&end=9999999999",
            self.address,
            http::encoded(query)
        );
        let series = self
            .poll_api(&url, "/data", |series| !series.is_empty())
            .with_context(|| format!("exemplars of: {query}"))?;
        let exemplars = series
            .iter()
            .filter_map(|series| series.get("exemplars")?.as_array())
            .flatten();
        let ids =
            exemplars.filter_map(|exemplar| exemplar.get("labels")?.get("trace_id")?.as_str());
        Ok(ids.map(str::to_owned).collect())
    }

    /// Repeats a request until the array at `pointer` satisfies `wanted`.
    fn poll_api(
        &self,
        url: &str,
        pointer: &str,
        wanted: impl Fn(&[Value]) -> bool,
    ) -> anyhow::Result<Vec<Value>> {
        http::poll(url, &[], SCRAPE_TIMEOUT, |answer| {
            let answer: Value = serde_json::from_str(&answer.body).ok()?;
            let result = answer.pointer(pointer)?.as_array()?;
            wanted(result).then(|| result.clone())
        })
    }
}

/// Runs `promtool check metrics` on an exposition in the text format.
pub(super) fn promtool_accepts(tools: &tools::Prometheus, exposition: &Path) -> anyhow::Result<()> {
    let output = Command::new(&tools.promtool)
        .args(["check", "metrics"])
        .stdin(fs::File::open(exposition)?)
        .output()
        .context("cannot start promtool")?;
    if !output.status.success() {
        bail!(
            "promtool: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

/// The name of the target's job.
pub(super) const JOB: &str = "orders";
/// How long a few scrapes may take on a busy machine.
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(30);
