//! The dashboard of a service's own metrics, as its command writes it.
//!
//! Every panel must have values under load, with a real Prometheus.

use std::{fs, process::Command};

use anyhow::{Context as _, ensure};
use observability::dashboards::check_own_metrics;
use serde_json::Value;
use support::{Cases, command, files, tools};

use super::{Fixture, scraper::Prometheus};
use crate::{background_load::Load, service::Service};

/// The window of rates, with two scrapes per second.
const RATE_INTERVAL: &str = "5s";

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture, tools: &tools::Prometheus) {
    let mut written = None;
    cases.check("own metrics: a command writes their dashboard", || {
        written = Some(write(fixture)?);
        Ok(())
    });
    let Some(dashboard) = written else { return };
    cases.check("own metrics: their dashboard passes all rules", || {
        check_own_metrics(&dashboard)
    });
    cases.check("own metrics: every panel has values under load", || {
        let service = Service::start(&fixture.built.program, None, &[])?;
        let prometheus = Prometheus::start(tools, &fixture.folder, &service.admin)?;
        let _load = Load::mixed_orders(&service.address);
        variables(&dashboard, &prometheus)?;
        panels(&dashboard, &prometheus)
    });
}

/// Writes the dashboard with both spellings of the command.
fn write(fixture: &Fixture) -> anyhow::Result<Value> {
    let mut all = Vec::new();
    for spelling in ["dashboards", "--dashboards"] {
        let folder = fixture.folder.join(format!("own{spelling}"));
        let mut write = Command::new(&fixture.built.program);
        let output = command::run_quietly(write.arg(spelling).arg(&folder))?;
        let file = folder.join("orders-e2e.json");
        ensure!(
            output.trim() == file.display().to_string(),
            "found {output:?}, expected the path of the file"
        );
        all.push(files::read(&folder)?);
    }
    ensure!(all[0].len() == 1, "found {:?}", all[0].keys());
    files::check_same(&all[1], &all[0])?;
    let committed = "observability/dashboards/orders-e2e.json";
    let committed = fs::read(fixture.built.source.join(committed)).context(committed)?;
    ensure!(
        committed == all[0]["orders-e2e.json"],
        "the template's dashboard is not the one of its metrics: run UPDATE=1 cargo xtask test --only template"
    );
    Ok(serde_json::from_slice(&committed)?)
}

/// The query as Grafana sends it while all values of all variables are selected.
fn interpolated(dashboard: &Value, query: &Value) -> anyhow::Result<String> {
    let query = query.as_str().context("a query is not a text")?;
    let mut query = query.replace("$__rate_interval", RATE_INTERVAL);
    for variable in list(&dashboard["templating"]["list"]) {
        if let (Some(name), Some(all)) = (variable["name"].as_str(), variable["allValue"].as_str())
        {
            query = query.replace(&format!("${name}"), all);
        }
    }
    ensure!(!query.contains('$'), "{query} has an unknown variable");
    Ok(query)
}

/// Checks that the variables offer the service.
fn variables(dashboard: &Value, prometheus: &Prometheus) -> anyhow::Result<()> {
    for variable in list(&dashboard["templating"]["list"]) {
        let name = variable["name"].as_str().unwrap_or_default();
        if !["job", "instance"].contains(&name) {
            continue;
        }
        let query = interpolated(dashboard, &variable["query"])?;
        let selector = query
            .strip_prefix("label_values(")
            .and_then(|rest| rest.rsplit_once(", "))
            .with_context(|| format!("found {query}, expected label_values(selector, label)"))?;
        prometheus.query(selector.0, |series| {
            series
                .iter()
                .any(|series| series["metric"][name].is_string())
        })?;
    }
    Ok(())
}

/// Checks that every query has a finite value.
///
/// If the panel shows exemplars, there must be one.
fn panels(dashboard: &Value, prometheus: &Prometheus) -> anyhow::Result<()> {
    let targets = list(&dashboard["panels"]).flat_map(|panel| {
        let of_panel = list(&panel["targets"]);
        of_panel.map(move |target| (&panel["title"], target))
    });
    let mut queries = 0;
    for (title, target) in targets {
        queries += 1;
        let query = interpolated(dashboard, &target["expr"])?;
        let with_title = || format!("panel {title}");
        let found = prometheus.query(&query, |series| series.iter().any(is_finite));
        let found = found.with_context(with_title)?;
        let legend = target["legendFormat"].as_str().unwrap_or_default();
        for label in legend.split("{{").skip(1) {
            let label = label.split("}}").next().unwrap_or_default();
            // A service outside Kubernetes has no cluster and no namespace.
            let is_there = |series: &Value| series["metric"][label].is_string();
            ensure!(
                ["cluster", "namespace"].contains(&label) || found.iter().all(is_there),
                "panel {title}: no label {label}: {found:?}"
            );
        }
        if target["exemplar"] == true {
            let ids = prometheus.exemplars(&query).with_context(with_title)?;
            ensure!(!ids.is_empty(), "panel {title}: no exemplar");
        }
    }
    ensure!(queries > 10, "found {queries} queries");
    Ok(())
}

fn is_finite(series: &Value) -> bool {
    let value = series["value"][1].as_str();
    value.is_some_and(|value| value.parse().is_ok_and(f64::is_finite))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
