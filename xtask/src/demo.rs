//! `cargo xtask demo`: what the project is for, in two minutes.
//!
//! It generates a service from the template, with SQLite and a worker, runs it against an OTLP receiver in this process, and
//! follows one order through its rows, logs, metrics and traces, across the queue, to the end of its job; then it shows an N+1 that is
//! caught in the act, and a scheduled run. It needs a Rust toolchain and a C compiler, and nothing else.

mod demo_service;
mod rows;
mod show;
mod story;

use std::{process::ExitCode, thread, time::Duration, time::Instant};

use anyhow::Context as _;
use clap::Args;
use e2e::{
    service::{Built, Service},
    traffic,
};
use firstlight::testing::OtlpReceiver;
use support::{interrupt, paths, ui};

/// What `demo` can be told.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Stop after the show, and fail if the three signals do not agree. Always so where the output is no terminal.
    #[arg(long)]
    once: bool,
}

pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    ui::heading("First light: one service, one order, three signals");
    let folder = paths::fresh("demo").context("cannot empty target/demo")?;
    let built = demo_service::service(&folder)?;

    let interrupt = interrupt::watch()?;
    let collector = OtlpReceiver::start().context("cannot start the OTLP receiver")?;
    let step = ui::Step::start("start", &built.program.display().to_string());
    let database = format!("sqlite://{}", folder.join("orders.db").display());
    let mut service = Service::start(
        &built.program,
        Some(&collector.endpoint()),
        &[("DATABASE_URL", &database)],
    )?;
    step.done("");

    let step = ui::Step::start("traffic", "an order, more of them, and a report");
    let order = story::order(&service, &collector)?;
    let caught = story::n_plus_one(&service)?;
    let scheduled = story::scheduled_run(&service)?;
    step.done("");

    show::rows(&order);
    show::logs(&order.request);
    show::metrics(&order.request);
    show::traces(&order.request);
    show::agreement(&order.request);
    show::job(&service)?;
    show::n_plus_one(&caught);
    show::scheduled_run(&scheduled);
    ui::line("");
    ui::line(ui::quiet(format!(
        "From nothing to here in {}.",
        ui::seconds(started.elapsed())
    )));

    if args.once || !ui::is_terminal() {
        service.stop()?;
        ui::line("The service stopped on SIGTERM with exit status 0.");
        return Ok(ExitCode::SUCCESS);
    }
    how_to_go_on(&service, &built);
    follow(&mut service, &interrupt);
    ui::line("\nStopping: SIGTERM to the service, which drains, flushes and exits.");
    service.stop()?;
    ui::line("The service exited with status 0.");
    Ok(ExitCode::SUCCESS)
}

fn how_to_go_on(service: &Service, built: &Built) {
    ui::heading("Go on from here");
    for (what, how) in [
        ("the service", service.address.clone()),
        ("metrics", service.metrics_url()),
        ("probes", format!("{0}/livez  {0}/readyz", service.admin)),
        ("source", built.source.display().to_string()),
        (
            "ask it",
            format!("curl -i {}", service.url(traffic::EXAMPLE_PATH)),
        ),
        (
            "your own",
            "cargo xtask new my-service --destination ..".to_owned(),
        ),
        ("stop", "Ctrl-C".to_owned()),
    ] {
        ui::line(format!("  {what:<12} {how}"));
    }
    ui::line("");
    ui::line(ui::quiet("New log lines of the service appear below."));
}

/// Shows the service's new log lines until Ctrl-C, or the service ends by itself.
fn follow(service: &mut Service, interrupt: &interrupt::Interrupt) {
    let mut seen = service.output().len();
    while !interrupt.came() && !service.has_ended() {
        let lines = service.output();
        for line in lines.iter().skip(seen) {
            ui::line(line);
        }
        seen = lines.len();
        thread::sleep(POLL);
    }
}

const POLL: Duration = Duration::from_millis(100);
