//! Every query of every panel, asked as Grafana asks it: each must have an answer, in the phase that should fill it.

use std::{
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{anyhow, ensure};
use observability::dashboards::{self, Ask, Dashboard, Filled, Panel, Target};
use serde_json::Value;

use super::{
    picture::{self, Span},
    prometheus::Prometheus,
    question,
};

/// Generous: the machine may be building something else.
const DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_secs(1);

/// What is still to be shown, of all dashboards.
pub(super) struct Panels {
    dashboards: Vec<Dashboard>,
    since: f64,
    answered: Vec<Answered>,
}

/// A query that had an answer.
#[derive(Debug, Clone)]
struct Answered {
    dashboard: String,
    panel: String,
    traces: bool,
}

/// How many there are, and how many have been shown to work.
#[derive(Debug, Clone)]
pub(super) struct Count {
    pub(super) dashboard: String,
    pub(super) panels: (usize, usize),
    pub(super) targets: (usize, usize),
    /// Of those answered, the ones whose dots lead to traces.
    pub(super) traces: usize,
}

impl Panels {
    /// All queries; the load begins now.
    pub(super) fn new() -> Self {
        Self {
            dashboards: dashboards::all(),
            since: now(),
            answered: Vec::new(),
        }
    }

    /// Asks all queries that one of the phases should fill, until each has an answer or it takes too long.
    ///
    /// # Errors
    ///
    /// Names each query without one, its panel, and what is missing.
    pub(super) fn check(
        &mut self,
        prometheus: &Prometheus,
        phases: &[Filled],
    ) -> anyhow::Result<()> {
        let failed = self.unanswered(prometheus, phases, DEADLINE);
        ensure!(
            failed.is_empty(),
            "{} queries have no answer:\n{}",
            failed.len(),
            failed.join("\n")
        );
        Ok(())
    }

    /// The same; what has no answer by the deadline.
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
                match answered(prometheus, dashboard, target, self.since) {
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

    /// Every variable has something to choose from.
    pub(super) fn variables(&self, prometheus: &Prometheus) -> anyhow::Result<()> {
        for dashboard in &self.dashboards {
            for variable in dashboard.variables() {
                let Some(query) = variable.query() else {
                    continue;
                };
                let query = question::ask(dashboard, query, 60);
                let inside = query
                    .strip_prefix("label_values(")
                    .and_then(|rest| rest.strip_suffix(')'));
                let parts = inside.and_then(|inside| inside.rsplit_once(','));
                let (selector, label) = parts.ok_or_else(|| anyhow!("what is {query}?"))?;
                let values = prometheus.values(selector.trim(), label.trim())?;
                // A target outside Kubernetes has neither.
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

    /// Each dashboard by its name, as it looks now.
    pub(super) fn pictures(
        &self,
        prometheus: &Prometheus,
    ) -> anyhow::Result<Vec<(String, String)>> {
        let span = Span {
            from: self.since.round(),
            to: now().floor(),
        };
        let draw = |dashboard: &Dashboard| {
            let picture = picture::draw(dashboard, prometheus, span)?;
            Ok((dashboard.name().to_owned(), picture))
        };
        self.dashboards.iter().map(draw).collect()
    }

    /// The result so far, per dashboard.
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
                    let shown = answered().filter(|answer| answer.panel == panel.title());
                    shown.count() >= panel.targets().len()
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

/// At least one series with at least one number; its labels are those of the legend; its dots lead to traces.
fn answered(
    prometheus: &Prometheus,
    dashboard: &Dashboard,
    target: &Target,
    since: f64,
) -> anyhow::Result<()> {
    let to = now();
    let range = Duration::from_secs_f64((to - since).max(10.0)).as_secs();
    let query = question::ask(dashboard, target.expr(), range);
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
    for token in question::tokens(target.legend()).filter(|token| !optional.contains(token)) {
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

/// In seconds since 1970, as Prometheus counts.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}
