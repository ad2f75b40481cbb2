//! `cargo xtask live`: tests dashboards and alerts on a live service.
//!
//! It runs a generated service with PostgreSQL and a worker, Prometheus and Alertmanager, and load. Every query of every
//! panel must have a result. The causes of most alerts are injected. Each notification must arrive
//! with its runbook, and so must its resolution once the cause has ended. Meanwhile `/explain` of the
//! affected service must name the runbook as well, if one of its rules has it. The rules are the
//! shipped ones with durations divided by 60.
//!
//! Grafana does not run. The suite `observability` has the checks that need no service.

mod alertmanager;
mod environment;
mod explanation;
mod exporter;
mod injected;
mod interpolation;
mod mutation;
mod not_injected;
mod panels;
mod picture;
mod prometheus;
mod results_page;
mod round;
mod session;
mod webhook;

use std::process::ExitCode;

use anyhow::{anyhow, ensure};
use clap::Args;
use observability::dashboards::Filled;
use support::{Cases, interrupt, tools, ui};

use self::{environment::Environment, panels::Panels};
use crate::background_load::Load;

/// Arguments of `live`.
#[derive(Debug, Args)]
pub struct LiveArgs {
    /// Write the results and pictures of the dashboards into the book.
    ///
    /// The files are docs/book/src/e2e-live.md and docs/book/src/images.
    #[arg(long)]
    write: bool,
}

/// Runs the suite as a command of its own.
pub fn run(args: &LiveArgs) -> anyhow::Result<ExitCode> {
    interrupt::exit_at_once()?;
    Cases::run_alone("live", |cases| test(cases, args.write))
}

/// Runs the suite as part of `cargo xtask test`.
pub fn suite(cases: &mut Cases) -> anyhow::Result<()> {
    test(cases, false)
}

fn test(cases: &mut Cases, write: bool) -> anyhow::Result<()> {
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
        cases.not_run("live", &missing.join("; "));
        return Ok(());
    }
    let env = Environment::start()?;
    let mut panels = Panels::new();
    let _load = Load::ordinary(&env.orders.address);
    let _starved = Load::ordinary(&env.starved.address);
    cases.check("panels: filled under ordinary load", || {
        panels.check(&env.prometheus, &[Filled::Traffic, Filled::Calls])
    });
    cases.check("variables: all have values", || {
        panels.variables(&env.prometheus)
    });
    cases.check("panels: only those of a changed metric fail", || {
        mutation::run(&env)
    });
    let mut results = Vec::new();
    let failing = ["fail", "call", "pay/14", "not-a-number"];
    let address = &env.starved.address;
    let failing = failing.map(|what| Load::posts(1, PAUSE, format!("{address}/faults/{what}")));
    let [first, others @ ..] = injected::ROUNDS;
    let round = round::round(&env, first, || {
        cases.check("panels: filled under faults", || {
            panels.check(&env.prometheus, &[Filled::Trouble])
        });
    })?;
    drop(failing);
    results.extend(round);
    let pictures = if write {
        panels.pictures(&env.prometheus)?
    } else {
        Vec::new()
    };
    for round in others {
        results.extend(round::round(&env, round, || ())?);
    }
    for result in &results {
        let name = format!("{}: fires and resolves: {}", result.alert, result.cause);
        cases.check(&name, || {
            let reason = |what: &str, error: &String| anyhow!("{what}: {error}");
            result
                .fired
                .as_ref()
                .map_err(|error| reason("fire", error))?;
            result
                .resolved
                .as_ref()
                .map_err(|error| reason("resolve", error))?;
            Ok(())
        });
        if let Some(explained) = &result.explained {
            let name = format!("{}: `/explain` names its runbook", result.alert);
            cases.check(&name, || {
                explained.as_ref().map_err(|error| anyhow!("{error}"))?;
                Ok(())
            });
        }
    }
    cases.check("watchdog: notifies the heartbeat receiver", || {
        let notifications = env.webhook.notifications();
        let heartbeats = notifications
            .iter()
            .filter(|notification| notification.to == "/heartbeat")
            .count();
        ensure!(heartbeats > 1, "found {heartbeats} heartbeats");
        Ok(())
    });
    let mut left = Vec::new();
    cases.check("alerts: each has fired or has a reason not to", || {
        let fired = results.iter().filter(|result| result.fired.is_ok());
        let fired: Vec<_> = fired.map(|result| result.alert).collect();
        left = not_injected::reasons(&fired)?;
        Ok(())
    });
    let counts = panels.counts();
    let text = results_page::text(&counts, &results, &left);
    ui::line(&text);
    let sum = |part: fn(&panels::Count) -> (usize, usize)| {
        let parts = counts.iter().map(part);
        parts.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
    };
    let (panels, targets) = (sum(|count| count.panels), sum(|count| count.targets));
    ui::line(format!(
        "  panels answered {} of {}, targets {} of {}",
        panels.0, panels.1, targets.0, targets.1
    ));
    if write {
        ensure!(
            cases.all_passed(),
            "nothing is written, because not all cases passed"
        );
        results_page::write(&text)?;
        results_page::write_pictures(&pictures)?;
    }
    Ok(())
}

/// The pause between two failing requests.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(700);
