//! Checks that exactly the panels of a renamed metric and of a dropped label fail.
//!
//! A second Prometheus scrapes the same targets. It relabels the samples, so that they look like
//! those of a changed service.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use observability::dashboards::Filled;
use support::{paths, tools};

use super::{environment::Environment, panels::Panels, prometheus::Prometheus};

/// The metric that is renamed.
const METRIC: &str = "db_client_connection_limit";
/// The label that is dropped.
const LABEL: &str = "cron";

/// The changes as relabeling rules.
const RELABEL: &str = "    metric_relabel_configs:
      - source_labels: [__name__]
        regex: db_client_connection_limit
        target_label: __name__
        replacement: db_client_connection_max
      - action: labeldrop
        regex: cron
";

/// How long new counters may take to have rates on a busy machine.
const RATES_TIMEOUT: Duration = Duration::from_secs(20);

pub(super) fn run(env: &Environment) -> anyhow::Result<()> {
    let folder = paths::fresh("live-mutated").context("cannot empty target/live-mutated")?;
    std::fs::create_dir_all(&folder)?;
    let prometheus = Prometheus::start(
        &tools::prometheus()?,
        &folder,
        None,
        &env.scraped(),
        RELABEL,
    )?;
    let phases = [Filled::Traffic, Filled::Calls];
    let errors = Panels::new().unanswered(&prometheus, &phases, RATES_TIMEOUT);
    let (of_metric, rest): (Vec<_>, Vec<_>) =
        errors.into_iter().partition(|error| error.contains(METRIC));
    let (of_label, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(|error| {
        error.contains(&format!("the label {LABEL}")) || error.contains("cron_")
    });
    ensure!(
        !of_metric.is_empty(),
        "no panel fails for the renamed {METRIC}"
    );
    ensure!(
        of_label
            .iter()
            .any(|error| error.contains(&format!("no series has the label {LABEL}"))),
        "no panel fails for the dropped label {LABEL}: {of_label:?}"
    );
    ensure!(
        others.is_empty(),
        "unchanged queries fail as well:\n{}",
        others.join("\n")
    );
    Ok(())
}
