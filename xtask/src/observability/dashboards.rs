//! Dashboards for Grafana, as Rust: each panel is a sentence over the library's catalogue, so that a metric that is renamed
//! breaks the build and not the panel.
//!
//! One file per dashboard, one per noun that they are made of. What is generated is committed in `docs/dashboards`, because
//! people copy JSON and nobody needs this generator.

mod annotation;
mod colour;
mod cron;
mod dashboard;
mod database;
mod files;
mod freshness;
mod grpc;
mod http;
mod kind;
mod link;
mod objectives;
mod overview;
mod panel;
mod postgres;
mod query;
mod route;
mod row;
mod runbook;
mod runtime;
mod slo;
mod target;
mod telemetry;
mod threshold;
mod unit;
mod variable;
mod worker;

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

pub(crate) use self::{
    annotation::Annotation,
    colour::Colour,
    dashboard::Dashboard,
    kind::{Column, Kind},
    link::Link,
    panel::Panel,
    row::Row,
    runbook::Runbook,
    target::{Ask, Filled, Target},
    threshold::Thresholds,
    unit::Unit,
    variable::Variable,
};
use crate::{paths, ui};

/// What `dashboards` can be told.
#[derive(Debug, Args)]
pub(crate) struct DashboardsArgs {
    /// Write nothing; fail if what is committed is not what would be written.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &DashboardsArgs) -> anyhow::Result<ExitCode> {
    let folder = paths::root().join(files::FOLDER);
    if args.check {
        files::compare(&folder)?;
    } else {
        files::write(&folder)?;
    }
    let all = all();
    let panels: usize = all.iter().map(|dashboard| dashboard.panels().count()).sum();
    let queries: usize = all
        .iter()
        .flat_map(Dashboard::panels)
        .map(|panel| panel.targets().len())
        .sum();
    ui::line(format!(
        "  {} dashboards, {panels} panels, {queries} queries in {}",
        all.len(),
        files::FOLDER
    ));
    Ok(ExitCode::SUCCESS)
}

/// All dashboards, the one to begin with first.
pub(crate) fn all() -> Vec<Dashboard> {
    vec![
        overview::dashboard(),
        route::dashboard(),
        database::dashboard(),
        worker::dashboard(),
        cron::dashboard(),
        runtime::dashboard(),
        slo::dashboard(),
        freshness::dashboard(),
    ]
}

/// The Prometheus that is chosen at the top.
fn datasource() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}
