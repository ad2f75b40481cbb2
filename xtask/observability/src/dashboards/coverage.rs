//! Whether the catalogue and the dashboards agree in both directions, and whether what dashboards name is there.

use std::collections::BTreeSet;

use anyhow::bail;
use firstlight::metrics::catalog;
use support::paths;

use super::{Runbook, all};
use crate::expr;

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

/// Every runbook that a panel names is there, and every runbook that we know of is named by a panel.
pub(super) fn runbooks() -> anyhow::Result<()> {
    let dashboards = all();
    let named: Vec<Runbook> = dashboards
        .iter()
        .flat_map(|dashboard| dashboard.panels())
        .flat_map(|panel| panel.runbooks().to_vec())
        .collect();
    let folder = paths::root().join("docs/runbooks");
    let mut wrong = Vec::new();
    for runbook in Runbook::ALL {
        if !folder.join(format!("{}.md", runbook.name())).exists() {
            wrong.push(format!("docs/runbooks/{}.md is missing", runbook.name()));
        }
        if !named.contains(runbook) {
            wrong.push(format!("no panel names {}", runbook.name()));
        }
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_metric_of_the_catalogue_is_shown() {
        assert_eq!(
            super::catalogue().map_err(|error| error.to_string()),
            Ok(())
        );
    }
}
