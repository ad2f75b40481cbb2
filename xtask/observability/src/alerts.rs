//! Alerting rules, their tests and their routes, written to `docs/alerts`.
//!
//! The template gets copies. Only symptoms page: problems that users notice, or will notice soon, and that an operator can
//! fix at once. All other alerts are tickets. Where the service exports a limit, such as a queue's latency budget, the alert
//! compares with it, so that one file serves every service. The other limits are in
//! `crate::limits`.
//!
//! Each alert has a runbook of its name in `docs/runbooks`, and an alert test that `promtool` runs.

mod alert;
mod alert_files;
mod alert_limits;
mod alert_test;
mod board;
mod checks;
mod counts;
mod cron;
mod data;
mod database;
mod emit;
mod group;
mod index;
mod objectives;
mod operator;
mod postgresql;
mod recording;
pub mod routes;
mod runtime;
mod service_health;
mod service_rules;
mod slo;
mod telemetry;
mod timing;
mod worker;

use std::process::ExitCode;

use clap::Args;

pub use self::timing::Timing;
use self::{alert::Alert, alert_test::AlertTest, group::Group};
pub(crate) use self::{alert_files::docs, alert_limits::limits, checks::cases};
use crate::addresses::CopyArgs;
use support::{paths, ui};

/// Arguments of `cargo xtask alerts`.
#[derive(Debug, Args)]
pub struct AlertsArgs {
    /// Write nothing, and fail if the committed files are out of date.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    copy: CopyArgs,
}

/// Writes the files, compares them, or writes a copy elsewhere.
pub fn run(args: &AlertsArgs) -> anyhow::Result<ExitCode> {
    if let Some(destination) = &args.copy.destination {
        alert_files::docs().copy(destination, &args.copy.addresses)?;
        return Ok(ExitCode::SUCCESS);
    }
    for folder in alert_files::folders() {
        if args.check {
            folder.compare(paths::root())?;
        } else {
            folder.write(paths::root())?;
            ui::line(format!("  {}", folder.path));
        }
    }
    if args.check {
        index::compare()?;
    } else {
        index::write()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The rule file with all recording rules and alerts.
pub fn rules(timing: Timing) -> String {
    alert_files::HEAD.to_owned() + &group::file(&groups(timing), timing)
}

/// The rule file of objectives: the defaults, and a commented-out declaration.
pub(crate) fn objectives(timing: Timing) -> String {
    alert_files::HEAD_OF_EXAMPLE.to_owned() + &group::file(&[objectives::group()], timing)
}

/// The rule file of objectives in which `jobs` declare the defaults.
///
/// Alerts on declared objectives page.
pub fn objectives_of(jobs: &[&'static str], timing: Timing) -> String {
    alert_files::HEAD_OF_EXAMPLE.to_owned() + &group::file(&[objectives::declaring(jobs)], timing)
}

fn groups(timing: Timing) -> Vec<Group> {
    [objectives::known(), counts::group(timing)]
        .into_iter()
        .chain(slo::groups(timing))
        .chain([
            service_health::group(),
            worker::group(timing),
            cron::group(),
            database::group(),
            data::group(),
            runtime::group(),
            telemetry::group(),
            postgresql::group(timing),
        ])
        .collect()
}

/// All alerts, of which several may share a name.
fn alerts() -> Vec<Alert> {
    let groups = groups(Timing::Production).into_iter();
    groups.flat_map(|group| group.alerts).collect()
}

/// The names of all alerts without duplicates, in the order of the rules.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = alerts().iter().map(|alert| alert.name).collect();
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(*name));
    names
}

/// The alert tests, with the names of their files.
fn alert_tests() -> [(&'static str, Vec<AlertTest>); 12] {
    [
        ("slo", slo::alert_tests::all()),
        ("births", slo::alert_tests::new_series::all()),
        ("service", service_health::alert_tests::all()),
        ("traffic", vec![service_health::alert_tests::traffic()]),
        ("first-day", vec![service_health::alert_tests::first_day()]),
        ("worker", worker::alert_tests::all()),
        ("cron", cron::alert_tests::all()),
        ("database", database::alert_tests::all()),
        ("data", data::alert_tests::all()),
        ("runtime", runtime::alert_tests::all()),
        ("telemetry", telemetry::alert_tests::all()),
        ("postgresql", postgresql::alert_tests::all()),
    ]
}

/// The alert that always fires.
pub const ALWAYS: &str = "Watchdog";
