//! Dashboards for Grafana, generated from the library's metric catalog.
//!
//! Queries use the constants of the catalog, so a renamed metric breaks the build, not a panel.
//! Each dashboard has a module, and so has each part of a dashboard, such as `panel` and `row`.
//! The JSON is committed in `docs/dashboards` and in the template, so that users need no generator.

mod annotation;
mod coverage;
mod cron;
mod dashboard;
mod dashboard_files;
mod dashboard_lint;
mod database;
mod flight_recorder;
mod freshness;
mod grpc;
mod http_panels;
mod kind;
mod link;
mod objectives;
mod overview;
mod own_metrics;
mod panel;
mod panel_color;
mod pool;
mod postgresql;
mod process_panels;
mod query;
mod range;
mod route;
mod row;
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
    annotation::Annotation, kind::Kind, link::Link, row::Row, threshold::Thresholds,
};
pub use self::{
    dashboard::Dashboard,
    kind::Column,
    own_metrics::check_rules as check_own_metrics,
    panel::Panel,
    panel_color::Color,
    target::{Ask, Filled, Target},
    unit::Unit,
    variable::{Label, Variable},
};
use crate::{addresses::CopyArgs, folder::Folder};
use support::{Cases, paths, ui};

/// Arguments of `cargo xtask dashboards`.
#[derive(Debug, Args)]
pub struct DashboardsArgs {
    /// Write nothing; fail if the committed files are out of date.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    copy: CopyArgs,
}

/// Writes the files, compares them, or writes a copy elsewhere.
pub fn run(args: &DashboardsArgs) -> anyhow::Result<ExitCode> {
    if let Some(destination) = &args.copy.destination {
        docs()?.copy(destination, &args.copy.addresses)?;
        return Ok(ExitCode::SUCCESS);
    }
    for folder in dashboard_files::folders()? {
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
        "  {} dashboards in {}: {} panels; queries that have values: {} under ordinary load, {} with faults, {} with calls",
        all.len(),
        dashboard_files::DOCS,
        panels.len(),
        filled(Filled::Traffic),
        filled(Filled::Trouble),
        filled(Filled::Calls),
    ));
    Ok(ExitCode::SUCCESS)
}

/// The files that users copy.
pub(crate) fn docs() -> anyhow::Result<Folder> {
    dashboard_files::docs()
}

/// Runs all checks that need neither Grafana nor a running service.
pub(crate) fn cases(cases: &mut Cases) {
    match dashboard_files::folders() {
        Ok(folders) => {
            for folder in folders {
                let name = format!("{}: up to date", folder.path);
                cases.check(&name, || folder.compare(paths::root()));
            }
        }
        Err(error) => cases.failed("dashboards: can be written", &error),
    }
    cases.check(
        "catalog: every metric is on a dashboard",
        coverage::every_metric_is_shown,
    );
    cases.check(
        "panels: link to runbooks of existing alerts",
        coverage::runbooks_are_of_alerts,
    );
    cases.check(
        "questions: are those of the book and of the template",
        coverage::questions_are_documented,
    );
    let boards: Vec<Value> = all().iter().map(Dashboard::json).collect();
    for rule in dashboard_lint::rules() {
        cases.check(&format!("dashboards: {}", rule.name), || {
            check_rule(rule, &boards)
        });
    }
    cases.check(
        "own metrics: the generated dashboard passes all rules",
        own_metrics::sample_passes,
    );
    range::cases(cases);
    cases.check(
        "dashboards: have Grafana's type",
        schema::all_boards_conform,
    );
    cases.check(
        "Grafana's types: reject wrong keys, words and numbers",
        schema::mistakes_are_rejected,
    );
}

/// Fails if a dashboard violates the rule, or if the rule accepts a violation.
fn check_rule(rule: dashboard_lint::Rule, boards: &[Value]) -> anyhow::Result<()> {
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
            bail!("the rule accepts a dashboard that violates it")
        }
        _ => Ok(()),
    }
}

/// All dashboards, the overview first.
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

/// The data source that the dashboard's variable selects.
fn datasource() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}
