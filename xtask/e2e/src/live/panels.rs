//! Runs every query of every panel as Grafana does and checks the results.

use std::{
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{anyhow, ensure};
use observability::dashboards::{self, Ask, Dashboard, Filled, Panel, Target};
use serde_json::Value;

use super::{
    interpolation,
    picture::{self, Period},
    prometheus::Prometheus,
};

/// How long panels may take to fill, on a machine that is also building.
const DEADLINE: Duration = Duration::from_secs(60);
/// The interval at which queries without a result are repeated.
const POLL: Duration = Duration::from_secs(1);

/// The panels of all dashboards, and which of their queries had a result.
pub(super) struct Panels {
    dashboards: Vec<Dashboard>,
    /// The start of the load, in seconds since 1970.
    since: f64,
    answered: Vec<Answered>,
}

/// A query that had a result.
#[derive(Debug, Clone)]
struct Answered {
    dashboard: String,
    panel: String,
    /// Whether it also had exemplars with trace ids.
    traces: bool,
}

/// The counts of a dashboard's panels and queries, with a result and in total.
#[derive(Debug, Clone)]
pub(super) struct Count {
    pub(super) dashboard: String,
    /// The panels whose queries all had a result, and all panels.
    pub(super) panels: (usize, usize),
    /// The queries that had a result, and all queries.
    pub(super) targets: (usize, usize),
    /// Queries with a result and with exemplars that have trace ids.
    pub(super) traces: usize,
}

impl Panels {
    /// Takes all dashboards; the time range of the queries starts now.
    pub(super) fn new() -> Self {
        Self {
            dashboards: dashboards::all(),
            since: now(),
            answered: Vec::new(),
        }
    }

    /// Repeats the queries of these phases until each has a result.
    ///
    /// A query's phase is the load under which it has values.
    ///
    /// # Errors
    ///
    /// If that takes more than a minute. The message names each query without a result, its panel, and what is missing.
    pub(super) fn check(
        &mut self,
        prometheus: &Prometheus,
        phases: &[Filled],
    ) -> anyhow::Result<()> {
        let failed = self.unanswered(prometheus, phases, DEADLINE);
        ensure!(
            failed.is_empty(),
            "{} queries have no result:\n{}",
            failed.len(),
            failed.join("\n")
        );
        Ok(())
    }

    /// Repeats the queries of these phases until each has a result.
    ///
    /// Returns the errors of those without a result by `deadline`.
    pub(super) fn unanswered(
        &mut self,
        prometheus: &Prometheus,
        phases: &[Filled],
        deadline: Duration,
    ) -> Vec<String> {
        let until = Instant::now() + deadline;
        let mut open: Vec<_> = self
            .dashboards
            .iter()
            .flat_map(|dashboard| {
                let of_panel = move |panel| move |target| (dashboard, panel, target);
                let panels = dashboard.panels();
                panels.flat_map(move |panel: &Panel| panel.targets().iter().map(of_panel(panel)))
            })
            .filter(|(_, _, target)| phases.contains(&target.filled()))
            .collect();
        let mut failed = Vec::new();
        loop {
            let mut left = Vec::new();
            failed.clear();
            for (dashboard, panel, target) in open {
                match check_query(prometheus, dashboard, target, self.since) {
                    Ok(()) => self.answered.push(Answered {
                        dashboard: dashboard.title().to_owned(),
                        panel: panel.title().to_owned(),
                        traces: target.has_exemplars(),
                    }),
                    Err(error) => {
                        failed.push(format!(
                            "{}, panel {:?}, {:?}: {error:#}\n    {}",
                            dashboard.title(),
                            panel.title(),
                            target.legend(),
                            target.expr().replace('\n', "\n    ")
                        ));
                        left.push((dashboard, panel, target));
                    }
                }
            }
            open = left;
            if open.is_empty() || Instant::now() > until {
                break;
            }
            thread::sleep(POLL);
        }
        failed
    }

    /// Checks that every variable has values.
    pub(super) fn variables(&self, prometheus: &Prometheus) -> anyhow::Result<()> {
        for dashboard in &self.dashboards {
            for variable in dashboard.variables() {
                let Some(query) = variable.query() else {
                    continue;
                };
                let query = interpolation::interpolate(dashboard, query, 60);
                let arguments = query
                    .strip_prefix("label_values(")
                    .and_then(|rest| rest.strip_suffix(')'));
                let arguments = arguments.and_then(|arguments| arguments.rsplit_once(','));
                let (selector, label) = arguments.ok_or_else(|| {
                    anyhow!("found {query}, expected label_values(selector, label)")
                })?;
                let values = prometheus.values(selector.trim(), label.trim())?;
                // A service outside Kubernetes has none of these labels.
                let optional = ["cluster", "namespace"].contains(&variable.name());
                ensure!(
                    values > 0 || optional,
                    "{}: the variable {} has no value: {query}",
                    dashboard.title(),
                    variable.name()
                );
            }
        }
        Ok(())
    }

    /// Names and pictures of all dashboards, for the time since the start.
    pub(super) fn pictures(
        &self,
        prometheus: &Prometheus,
    ) -> anyhow::Result<Vec<(String, String)>> {
        let period = Period {
            from: self.since.round(),
            to: now().floor(),
        };
        let draw = |dashboard: &Dashboard| {
            let picture = picture::draw(dashboard, prometheus, period)?;
            Ok((dashboard.name().to_owned(), picture))
        };
        self.dashboards.iter().map(draw).collect()
    }

    /// The counts so far, per dashboard.
    pub(super) fn counts(&self) -> Vec<Count> {
        self.dashboards
            .iter()
            .map(|dashboard| {
                let answered = || {
                    self.answered
                        .iter()
                        .filter(|answer| answer.dashboard == dashboard.title())
                };
                let complete = dashboard.panels().filter(|panel| {
                    let of_panel = answered().filter(|answer| answer.panel == panel.title());
                    of_panel.count() >= panel.targets().len()
                });
                let all = dashboard.panels().map(|panel| panel.targets().len());
                Count {
                    dashboard: dashboard.title().to_owned(),
                    panels: (complete.count(), dashboard.panels().count()),
                    targets: (answered().count(), all.sum()),
                    traces: answered().filter(|answer| answer.traces).count(),
                }
            })
            .collect()
    }
}

/// Checks that a query has a series with a finite value.
///
/// Each label of the legend must be on one of the series. If the panel shows exemplars, one with a
/// trace id must exist.
fn check_query(
    prometheus: &Prometheus,
    dashboard: &Dashboard,
    target: &Target,
    since: f64,
) -> anyhow::Result<()> {
    let to = now();
    let range = Duration::from_secs_f64((to - since).max(10.0)).as_secs();
    let query = interpolation::interpolate(dashboard, target.expr(), range);
    let series = match target.ask() {
        Ask::Range | Ask::Buckets => prometheus.range(&query, since, to)?,
        Ask::Now | Ask::Rows => prometheus.now(&query)?,
    };
    ensure!(!series.is_empty(), "no series");
    ensure!(
        series.iter().any(has_number),
        "{} series and no finite value",
        series.len()
    );
    let optional = ["cluster", "namespace", "server"];
    for token in
        interpolation::legend_labels(target.legend()).filter(|token| !optional.contains(token))
    {
        let named = |series: &Value| series["metric"][token].is_string();
        ensure!(
            series.iter().any(named),
            "no series has the label {token}: {}",
            series[0]["metric"]
        );
    }
    if target.has_exemplars() {
        ensure!(prometheus.exemplars(&query)? > 0, "no exemplar");
    }
    Ok(())
}

fn has_number(series: &Value) -> bool {
    let finite = |value: &Value| {
        let number = value[1].as_str().and_then(|text| text.parse::<f64>().ok());
        number.is_some_and(f64::is_finite)
    };
    let values = series["values"].as_array();
    finite(&series["value"]) || values.is_some_and(|values| values.iter().any(finite))
}

/// The current time in seconds since 1970, as Prometheus counts.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}
