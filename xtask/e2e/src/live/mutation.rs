//! The test of the tests: where a metric is renamed or a label is dropped, the checks of panels fail, and name what is broken
//! and nothing else.
//!
//! The change is made by a second Prometheus between the services and itself, because that is what the dashboards would see.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use observability::dashboards::Filled;
use support::{paths, tools};

use super::{panels::Panels, prometheus::Prometheus, site::Site};

/// The metric that is called otherwise, and the label that is gone.
const METRIC: &str = "db_client_connection_limit";
const LABEL: &str = "cron";

/// What the next version of a service would do.
const RELABEL: &str = "    metric_relabel_configs:
      - source_labels: [__name__]
        regex: db_client_connection_limit
        target_label: __name__
        replacement: db_client_connection_max
      - action: labeldrop
        regex: cron
";

/// Until counters that have just appeared have rates; on a busy machine, too.
const ENOUGH: Duration = Duration::from_secs(20);

pub(super) fn run(site: &Site) -> anyhow::Result<()> {
    let folder = paths::fresh("live-mutated").context("cannot empty target/live-mutated")?;
    std::fs::create_dir_all(&folder)?;
    let prometheus = Prometheus::start(
        &tools::prometheus()?,
        &folder,
        None,
        &site.scraped(),
        RELABEL,
    )?;
    let phases = [Filled::Traffic, Filled::Calls];
    let missed = Panels::new().unanswered(&prometheus, &phases, ENOUGH);
    let (of_metric, rest): (Vec<_>, Vec<_>) =
        missed.into_iter().partition(|one| one.contains(METRIC));
    let (of_label, others): (Vec<_>, Vec<_>) = rest
        .into_iter()
        .partition(|one| one.contains(&format!("the label {LABEL}")) || one.contains("cron_"));
    ensure!(
        !of_metric.is_empty(),
        "nothing misses {METRIC}, which is called otherwise"
    );
    ensure!(
        of_label
            .iter()
            .any(|one| one.contains(&format!("no series has the label {LABEL}"))),
        "nothing misses the label {LABEL}, which is gone: {of_label:?}"
    );
    ensure!(
        others.is_empty(),
        "what has not been changed is missed as well:\n{}",
        others.join("\n")
    );
    Ok(())
}
