//! Alerts: rules, their tests and who is told, written from the catalogue into `docs/alerts`, and into the template.
//!
//! Only symptoms page: what users feel, or will soon, and what a person can do something about in the middle of the night. All
//! else is a ticket. Limits are the budgets that the service exports itself wherever there are some, so that one file serves
//! every service; the few that are left are in `limits`.
//!
//! Each alert has a runbook in `docs/runbooks`, by its name, and an alert test that `promtool` runs.

mod alert;
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
mod limit;
mod objectives;
mod operator;
mod output;
mod postgresql;
mod recording;
pub mod routes;
mod runtime;
mod service;
mod slo;
mod telemetry;
mod timing;
mod worker;

use std::process::ExitCode;

use clap::Args;

pub use self::timing::Timing;
use self::{alert::Alert, alert_test::AlertTest, group::Group};
pub(crate) use self::{checks::cases, limit::limits};
use crate::addresses::CopyArgs;
use support::{paths, ui};

/// What `alerts` can be told.
#[derive(Debug, Args)]
pub struct AlertsArgs {
    /// Write nothing, and fail if what is committed is not what would be written.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    copy: CopyArgs,
}

/// Writes the files, compares them, or writes a copy elsewhere.
pub fn run(args: &AlertsArgs) -> anyhow::Result<ExitCode> {
    if let Some(destination) = &args.copy.destination {
        let [docs, _] = output::folders();
        docs.copy(destination, &args.copy)?;
        return Ok(ExitCode::SUCCESS);
    }
    for folder in output::folders() {
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

/// Recording rules and alerts.
pub fn rules(timing: Timing) -> String {
    output::HEAD.to_owned() + &group::file(&groups(timing), timing)
}

/// The objectives of each service: the defaults, and an example of what is declared, as a comment.
pub(crate) fn objectives(timing: Timing) -> String {
    output::HEAD_OF_EXAMPLE.to_owned() + &group::file(&[objectives::group()], timing)
}

/// The same where these jobs have declared what the default is, so that they page.
pub fn objectives_of(jobs: &[&'static str], timing: Timing) -> String {
    output::HEAD_OF_EXAMPLE.to_owned() + &group::file(&[objectives::declaring(jobs)], timing)
}

fn groups(timing: Timing) -> Vec<Group> {
    [objectives::known(), counts::group(timing)]
        .into_iter()
        .chain(slo::groups(timing))
        .chain([
            service::group(),
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

/// Every alert; some names have several.
fn alerts() -> Vec<Alert> {
    let groups = groups(Timing::Production).into_iter();
    groups.flat_map(|group| group.alerts).collect()
}

/// Each name once, in the order of the rules.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = alerts().iter().map(|alert| alert.name).collect();
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(*name));
    names
}

/// The alert tests, by the name of their file.
fn alert_tests() -> [(&'static str, Vec<AlertTest>); 12] {
    [
        ("slo", slo::alert_tests::all()),
        ("births", slo::alert_tests::births::all()),
        ("service", service::alert_tests::all()),
        ("traffic", vec![service::alert_tests::traffic()]),
        ("first-day", vec![service::alert_tests::first_day()]),
        ("worker", worker::alert_tests::all()),
        ("cron", cron::alert_tests::all()),
        ("database", database::alert_tests::all()),
        ("data", data::alert_tests::all()),
        ("runtime", runtime::alert_tests::all()),
        ("telemetry", telemetry::alert_tests::all()),
        ("postgresql", postgresql::alert_tests::all()),
    ]
}

/// The alert that fires whatever happens.
pub const ALWAYS: &str = "Watchdog";
