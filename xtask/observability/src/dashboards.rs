//! Dashboards for Grafana, as Rust: each panel is a sentence over the library's catalogue, so that a metric that is renamed
//! breaks the build and not the panel.
//!
//! One file per dashboard, one per noun that they are made of. What is generated is committed, in `docs/dashboards` and in
//! the template, because people copy JSON, and need no generator for it.

mod annotation;
mod colour;
mod coverage;
mod cron;
mod dashboard;
mod database;
mod freshness;
mod grpc;
mod http;
mod kind;
mod link;
mod lint;
mod objectives;
mod output;
mod overview;
mod panel;
mod pool;
mod postgresql;
mod query;
mod range;
mod route;
mod row;
mod runbook;
mod runtime;
mod schema;
mod slo;
mod target;
mod telemetry;
mod threshold;
mod unit;
mod variable;
mod worker;

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};

pub(crate) use self::{
    annotation::Annotation, kind::Kind, link::Link, row::Row, runbook::address as runbook_address,
    threshold::Thresholds,
};
pub use self::{
    colour::Colour,
    dashboard::Dashboard,
    kind::Column,
    panel::Panel,
    target::{Ask, Filled, Target},
    unit::Unit,
    variable::{Label, Variable},
};
use crate::addresses::CopyArgs;
use support::{Cases, paths, ui};

/// What `dashboards` can be told.
#[derive(Debug, Args)]
pub struct DashboardsArgs {
    /// Write nothing; fail if what is committed is not what would be written.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    copy: CopyArgs,
}

/// Writes the files, compares them, or writes a copy elsewhere.
pub fn run(args: &DashboardsArgs) -> anyhow::Result<ExitCode> {
    if let Some(destination) = &args.copy.destination {
        let [docs, _] = output::folders()?;
        docs.copy(destination, &args.copy)?;
        return Ok(ExitCode::SUCCESS);
    }
    for folder in output::folders()? {
        if args.check {
            folder.compare(paths::root())?;
        } else {
            folder.write(paths::root())?;
        }
    }
    let all = all();
    let panels: Vec<&Panel> = all.iter().flat_map(Dashboard::panels).collect();
    let filled = |by: Filled| {
        let targets = panels.iter().flat_map(|panel| panel.targets());
        targets.filter(|target| target.filled() == by).count()
    };
    ui::line(format!(
        "  {} dashboards in {}: {} panels, {} queries that ordinary load fills, {} that trouble does, {} that calls to others do",
        all.len(),
        output::DOCS,
        panels.len(),
        filled(Filled::Traffic),
        filled(Filled::Trouble),
        filled(Filled::Calls),
    ));
    Ok(ExitCode::SUCCESS)
}

/// What can be said of dashboards without a Grafana and without a service.
pub(crate) fn cases(cases: &mut Cases) {
    match output::folders() {
        Ok(folders) => {
            for folder in folders {
                let name = format!("{} is what the code generates", folder.path);
                cases.check(&name, || folder.compare(paths::root()));
            }
        }
        Err(error) => cases.failed("the dashboards can be written", &error),
    }
    cases.check(
        "every metric of the catalogue is shown by a dashboard",
        coverage::catalogue,
    );
    cases.check(
        "every runbook that a panel links to is that of an alert",
        coverage::runbooks,
    );
    let boards: Vec<Value> = all().iter().map(Dashboard::json).collect();
    for rule in lint::rules() {
        cases.check(&format!("no dashboard breaks {}", rule.name), || {
            holds(rule, &boards)
        });
    }
    range::cases(cases);
    cases.check("every dashboard has Grafana's type", schema::fits);
    cases.check(
        "Grafana's types object to a wrong key, word, number and query",
        schema::objects,
    );
}

/// Nothing breaks the rule, and what does is found.
fn holds(rule: lint::Rule, boards: &[Value]) -> anyhow::Result<()> {
    let mut objections = Vec::new();
    for board in boards {
        let of_board = rule.objections(board);
        objections.extend(
            of_board
                .into_iter()
                .map(|objection| format!("{}: {objection}", board["title"])),
        );
    }
    if !objections.is_empty() {
        bail!("{}", objections.join("\n"));
    }
    match boards.first() {
        Some(board) if rule.objections(&rule.broken(board)).is_empty() => {
            bail!("it does not object to a dashboard that breaks it")
        }
        _ => Ok(()),
    }
}

/// All dashboards, the one to begin with first.
pub fn all() -> Vec<Dashboard> {
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
