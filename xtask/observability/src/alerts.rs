//! Alerts: rules, their tests and who is told, written from the catalogue into `docs/alerts`, and into the template.
//!
//! Only symptoms page: what users feel, or will soon, and what a person can do something about in the middle of the night. All
//! else is a ticket. Limits are the budgets that the service exports itself wherever there are some, so that one file serves
//! every service; the few that are left are in `limits`.
//!
//! Each alert has a runbook in `docs/runbooks`, by its name, and a drill that `promtool` runs.

mod alert;
pub mod alertmanager;
mod board;
mod cases;
mod counts;
mod cron;
mod data;
mod database;
mod drill;
mod files;
mod group;
mod limit;
mod objectives;
mod operator;
mod postgresql;
mod record;
mod runtime;
mod service;
mod slo;
mod telemetry;
mod timing;
mod worker;
mod yaml;

use std::process::ExitCode;

use clap::Args;

pub use self::timing::Timing;
use self::{alert::Alert, drill::Drill, group::Group};
pub(crate) use self::{cases::cases, limit::limits};
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
        let [docs, _] = files::folders();
        docs.copy(destination, &args.copy)?;
        return Ok(ExitCode::SUCCESS);
    }
    for folder in files::folders() {
        if args.check {
            folder.compare(paths::root())?;
        } else {
            folder.write(paths::root())?;
            ui::line(format!("  {}", folder.path));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Recording rules and alerts.
pub fn rules(timing: Timing) -> String {
    files::HEAD.to_owned() + &group::file(&groups(timing), timing)
}

/// The objectives of each service: the defaults, and an example of what is declared, as a comment.
pub(crate) fn objectives(timing: Timing) -> String {
    files::HEAD_OF_EXAMPLE.to_owned() + &group::file(&[objectives::group()], timing)
}

/// The same where these jobs have declared what the default is, so that they page.
pub fn objectives_of(jobs: &[&'static str], timing: Timing) -> String {
    files::HEAD_OF_EXAMPLE.to_owned() + &group::file(&[objectives::declaring(jobs)], timing)
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

/// The drills, by the name of their file.
fn drills() -> [(&'static str, Vec<Drill>); 12] {
    [
        ("slo", slo::drills::drills()),
        ("births", slo::drills::births::drills()),
        ("service", service::drills::drills()),
        ("traffic", vec![service::drills::traffic()]),
        ("first-day", vec![service::drills::first_day()]),
        ("worker", worker::drills::drills()),
        ("cron", cron::drills::drills()),
        ("database", database::drills::drills()),
        ("data", data::drills::drills()),
        ("runtime", runtime::drills::drills()),
        ("telemetry", telemetry::drills::drills()),
        ("postgresql", postgresql::drills::drills()),
    ]
}

/// The alert that fires whatever happens.
pub const ALWAYS: &str = "Watchdog";
