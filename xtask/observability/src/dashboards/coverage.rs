//! Checks of the dashboards against metrics, alerts and documentation.

use std::collections::BTreeSet;

use anyhow::bail;
use firstlight::metrics::catalog;

use super::all;
use crate::{alerts, expr};

/// The metrics of the catalog that a panel shows.
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

/// Checks that a dashboard shows every metric of the catalog.
///
/// The rule `metrics-exist` checks that panels select existing metrics only.
pub(super) fn every_metric_is_shown() -> anyhow::Result<()> {
    let shown = shown()?;
    let hidden: Vec<_> = catalog::ALL
        .iter()
        .map(|metric| metric.name)
        .filter(|name| !shown.contains(name))
        .collect();
    if !hidden.is_empty() {
        bail!(
            "no dashboard shows {}; add a panel or remove the metric",
            hidden.join(", ")
        );
    }
    Ok(())
}

/// Checks that every `.runbook("…")` of a panel names an alert.
///
/// The checks of the alerts verify that each alert has a runbook.
pub(super) fn runbooks_are_of_alerts() -> anyhow::Result<()> {
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

/// The tables with the questions of the dashboards, which are not generated.
///
/// Each has the path of the file, its text, and the first column of the row of a dashboard.
type QuestionTable = (&'static str, &'static str, fn(&str) -> String);

const QUESTION_TABLES: [QuestionTable; 2] = [
    (
        "docs/book/src/dashboards.md",
        include_str!("../../../../docs/book/src/dashboards.md"),
        |name| name.to_owned(),
    ),
    (
        "template/README.md",
        include_str!("../../../../template/README.md"),
        |name| format!("`dashboards/{name}.json`"),
    ),
];

/// Checks that the book and the template have the question of each dashboard.
pub(super) fn questions_are_documented() -> anyhow::Result<()> {
    let mut missing = Vec::new();
    for (path, text, first_column) in QUESTION_TABLES {
        for dashboard in all() {
            let row = format!(
                "| {} | {}",
                first_column(dashboard.name()),
                dashboard.question()
            );
            if !text.lines().any(|line| line.starts_with(&row)) {
                missing.push(format!(
                    "{path}: no row starts with {row:?}; correct its table"
                ));
            }
        }
    }
    if !missing.is_empty() {
        bail!("{}", missing.join("\n"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    fn assert_passes(check: anyhow::Result<()>) {
        assert_eq!(check.map_err(|error| error.to_string()), Ok(()));
    }

    #[test]
    fn every_metric_is_shown() {
        assert_passes(super::every_metric_is_shown());
    }

    #[test]
    fn panels_link_to_alerts_that_exist() {
        assert_passes(super::runbooks_are_of_alerts());
    }

    #[test]
    fn questions_are_documented() {
        assert_passes(super::questions_are_documented());
    }
}
