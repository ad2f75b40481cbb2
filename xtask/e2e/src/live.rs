//! `cargo xtask live`: dashboards and alerts of a service under load, and then in trouble.
//!
//! A generated service with PostgreSQL and a worker, what watches it, and load. Every query of every panel is asked, and must
//! have an answer. Then the causes of the alerts are injected, each for real, and the notification must arrive with its runbook,
//! and the end of it after the cause is gone. The rules are those that are shipped, with every duration a sixtieth.
//!
//! Left out: what the static checks see without a service, and Grafana itself.

mod alertmanager;
mod exporter;
mod injected;
mod load;
mod mutation;
mod panels;
mod picture;
mod prometheus;
mod question;
mod report;
mod round;
mod session;
mod site;
mod unprovoked;
mod webhook;

use std::process::ExitCode;

use anyhow::{anyhow, ensure};
use clap::Args;
use observability::dashboards::Filled;
use support::{Cases, interrupt, tools, ui};

use self::{load::Load, panels::Panels, site::Site};

/// What `live` can be told.
#[derive(Debug, Args)]
pub struct LiveArgs {
    /// Write the results into the documentation, docs/book/src/e2e-live.md, and pictures of the dashboards, docs/book/src/images.
    #[arg(long)]
    write: bool,
}

/// Runs the suite by itself; `--write` writes its results into the book.
pub fn run(args: &LiveArgs) -> anyhow::Result<ExitCode> {
    interrupt::exit_at_once()?;
    let mut cases = Cases::new("live");
    test(&mut cases, args.write)?;
    Ok(if cases.all_passed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The suite of `cargo xtask test`.
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
        cases.not_run("dashboards and alerts, live", &missing.join("; "));
        return Ok(());
    }
    let site = Site::start()?;
    let mut panels = Panels::new();
    let _load = Load::ordinary(&site.orders.address);
    let _starved = Load::ordinary(&site.starved.address);
    cases.check(
        "under ordinary load, every panel that should be filled is, with the labels of its legend and with traces",
        || panels.check(&site.prometheus, &[Filled::Traffic, Filled::Calls]),
    );
    cases.check("every variable of a dashboard has values", || {
        panels.variables(&site.prometheus)
    });
    cases.check(
        "where a metric is renamed and a label is dropped, the panels that need them fail, and no others",
        || mutation::run(&site),
    );
    let mut seen = Vec::new();
    let failing = ["fail", "call", "pay/14", "not-a-number"];
    let address = &site.starved.address;
    let failing = failing.map(|what| Load::of(1, PAUSE, format!("{address}/faults/{what}")));
    let [first, others @ ..] = injected::ROUNDS;
    let round = round::round(&site, first, || {
        cases.check("in trouble, every panel about trouble is filled", || {
            panels.check(&site.prometheus, &[Filled::Trouble])
        });
    })?;
    drop(failing);
    seen.extend(round);
    let pictures = if write {
        panels.pictures(&site.prometheus)?
    } else {
        Vec::new()
    };
    for round in others {
        seen.extend(round::round(&site, round, || ())?);
    }
    for seen in &seen {
        let name = format!("{} arrives after {}, and its end", seen.alert, seen.cause);
        cases.check(&name, || {
            let reason = |what: &str, error: &String| anyhow!("{what}: {error}");
            seen.fired.as_ref().map_err(|error| reason("fire", error))?;
            seen.resolved
                .as_ref()
                .map_err(|error| reason("resolve", error))?;
            Ok(())
        });
    }
    cases.check("the heartbeat hears the watchdog", || {
        let heard = site.webhook.heard();
        let beats = heard.iter().filter(|news| news.to == "/heartbeat").count();
        ensure!(beats > 1, "found {beats} heartbeats");
        Ok(())
    });
    let mut left = Vec::new();
    cases.check("every alert was provoked, or it is said why not", || {
        let provoked = seen.iter().filter(|seen| seen.fired.is_ok());
        let provoked: Vec<_> = provoked.map(|seen| seen.alert).collect();
        left = unprovoked::without(&provoked)?;
        Ok(())
    });
    let counts = panels.counts();
    let text = report::text(&counts, &seen, &left);
    ui::line(&text);
    let sum = |part: fn(&panels::Count) -> (usize, usize)| {
        let parts = counts.iter().map(part);
        parts.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
    };
    let (of_panels, targets) = (sum(|count| count.panels), sum(|count| count.targets));
    ui::line(format!(
        "  panels answered {} of {}, targets {} of {}",
        of_panels.0, of_panels.1, targets.0, targets.1
    ));
    if write {
        ensure!(
            cases.all_passed(),
            "nothing is written: the page says that all of it holds"
        );
        report::write(&text)?;
        report::write_pictures(&pictures)?;
    }
    Ok(())
}

/// Between two requests that fail.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(700);
