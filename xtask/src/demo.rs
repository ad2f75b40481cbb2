//! `cargo xtask demo`: shows the library in a generated service.
//!
//! It generates a service with SQLite and a worker and runs it against an OTLP receiver in this process. It follows one
//! order through its rows, logs, metrics and traces, and across the queue to the end of its job. Then it shows a detected
//! N+1, a scheduled run, and a failed request that the sampler did not keep. On a terminal, the service then runs with some
//! traffic, for a look at its console. It needs only a Rust toolchain and a C compiler.

mod demo_service;
mod rows;
mod show;
mod story;
mod unsampled;
mod visitors;

use std::{process::ExitCode, time::Instant};

use anyhow::Context as _;
use clap::Args;
use e2e::{
    service::{Built, Service},
    traffic,
};
use firstlight::testing::OtlpReceiver;
use support::{interrupt, paths, ui};

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Stop the service after the demo instead of keeping it running.
    ///
    /// Always on if the output is not a terminal.
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
    ui::line(format!("  {} {}/", ui::quiet("console"), service.admin));

    let step = ui::Step::start("traffic", "an order, more of them, and a report");
    let order = story::order(&service, &collector)?;
    let detected = story::n_plus_one(&service)?;
    let scheduled = story::scheduled_run(&service)?;
    step.done("");

    let step = ui::Step::start("failure", "a request that fails, at 1 % sampling");
    let unsampled = unsampled::request(&built, &folder, &collector)?;
    step.done("");

    show::rows(&order);
    show::logs(&order.request);
    show::metrics(&order.request);
    show::traces(&order.request);
    show::agreement(&order.request);
    show::job(&service)?;
    show::n_plus_one(&detected);
    show::scheduled_run(&scheduled);
    show::unsampled(&unsampled);
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
    print_next_steps(&service, &built);
    visitors::visit(&mut service, &interrupt);
    ui::line("\nStopping: SIGTERM to the service, which drains, flushes and exits.");
    service.stop()?;
    ui::line("The service exited with status 0.");
    Ok(ExitCode::SUCCESS)
}

fn print_next_steps(service: &Service, built: &Built) {
    ui::heading("Go on from here");
    for (what, how) in [
        ("console", format!("{}/", service.admin)),
        ("the service", service.address.clone()),
        ("metrics", service.metrics_url()),
        ("traces", format!("curl {}/traces", service.admin)),
        ("problems", format!("curl {}/explain", service.admin)),
        ("probes", format!("{0}/livez  {0}/readyz", service.admin)),
        ("source", built.source.display().to_string()),
        (
            "request",
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
    ui::line(ui::quiet(
        "Some requests a second follow, of which some fail. The console shows them.",
    ));
}
