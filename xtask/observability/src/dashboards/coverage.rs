//! Whether the catalogue and the dashboards agree in both directions, and whether what dashboards name is there.

use std::collections::BTreeSet;

use anyhow::bail;
use firstlight::metrics::catalog;

use super::all;
use crate::{alerts, expr};

/// Names of ours that some panel asks for.
fn shown() -> anyhow::Result<BTreeSet<&'static str>> {
    let mut shown = BTreeSet::new();
    for dashboard in all() {
        for target in dashboard.panels().flat_map(|panel| panel.targets()) {
            let tree = expr::parse(target.expr())?;
            let names = expr::selectors(&tree)
                .into_iter()
                .filter_map(|selector| selector.name.clone());
            shown.extend(
                names
                    .filter_map(|name| expr::metric(&name))
                    .map(|metric| metric.name),
            );
        }
    }
    Ok(shown)
}

/// Every metric of the catalogue is shown by a dashboard; the other direction is the rule `metrics-exist`.
pub(super) fn catalogue() -> anyhow::Result<()> {
    let shown = shown()?;
    let hidden: Vec<_> = catalog::ALL
        .iter()
        .map(|metric| metric.name)
        .filter(|name| !shown.contains(name))
        .collect();
    if !hidden.is_empty() {
        bail!(
            "no dashboard shows {}; a metric that is not shown is not worth its memory",
            hidden.join(", ")
        );
    }
    Ok(())
}

/// Every `.runbook("…")` of a panel names an alert. That each alert has a runbook is a check of the alerts.
pub(super) fn runbooks() -> anyhow::Result<()> {
    let alerts = alerts::names();
    let mut wrong = Vec::new();
    for dashboard in all() {
        for panel in dashboard.panels() {
            let unknown = panel
                .runbooks()
                .iter()
                .filter(|name| !alerts.contains(name));
            wrong.extend(unknown.map(|name| format!(
                "{}, panel {:?}: .runbook({name:?}) names no alert; expected one of xtask/observability/src/alerts",
                dashboard.name(),
                panel.title(),
            )));
        }
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    fn holds(checked: anyhow::Result<()>) {
        assert_eq!(checked.map_err(|error| error.to_string()), Ok(()));
    }

    #[test]
    fn every_metric_of_the_catalogue_is_shown() {
        holds(super::catalogue());
    }

    #[test]
    fn panels_link_to_alerts_that_exist() {
        holds(super::runbooks());
    }
}
