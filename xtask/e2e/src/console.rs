//! Suite `console`: the console of a generated service, in a real Chromium.
//!
//! The service has PostgreSQL, a worker, the example, and the routes of `xtask/e2e/service`, which cause faults on demand.
//! It is under load meanwhile. The cases do what a person does: they read, click and type. They find links, buttons and
//! rows by their texts, so that the style of the page can change.

mod accessibility;
mod appearance;
mod browser;
mod failing_request;
mod faulty_page;
mod instance;
mod keyboard;
mod log_filter;
mod long_tasks;
mod lost;
mod markup;
mod numbers;
mod page;
mod pause;
mod picked;
mod pictures;
mod place;
mod records;
mod restart;
mod saved_file;
mod token;
mod views;
mod volume;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, ensure};
use clap::Args;
use support::{
    Cases, interrupt, paths,
    tools::{self, Chromium, PostgresServer},
};

use self::{browser::Browser, instance::Instance};
use crate::{custom_service, service::Built};

/// Arguments of `console`.
#[derive(Debug, Args)]
pub struct ConsoleArgs {
    /// Write the pictures of the console into the book.
    ///
    /// The files are docs/book/src/images/console-*.png.
    #[arg(long)]
    write: bool,
}

/// Runs the suite as a command of its own.
pub fn run(args: &ConsoleArgs) -> anyhow::Result<ExitCode> {
    interrupt::exit_at_once()?;
    Cases::run_alone("console", |cases| test(cases, args.write))
}

/// Runs the suite as part of `cargo xtask test`.
pub fn suite(cases: &mut Cases) -> anyhow::Result<()> {
    test(cases, false)
}

/// The programs that the cases share.
struct Fixture {
    chromium: Chromium,
    /// The source of axe-core.
    axe: String,
    built: Built,
    /// The server, with a database for each service.
    server: PostgresServer,
    /// The folder of profiles, downloads and screenshots.
    folder: PathBuf,
}

impl Fixture {
    /// Starts a browser with a profile of this name.
    fn browser(&self, name: &str) -> anyhow::Result<Browser> {
        Browser::start(&self.chromium, &self.folder.join(name))
    }
}

fn test(cases: &mut Cases, write: bool) -> anyhow::Result<()> {
    let (chromium, axe, postgres) = match (tools::chromium(), tools::axe(), tools::postgres()) {
        (Ok(chromium), Ok(axe), Ok(postgres)) => (chromium, axe, postgres),
        (chromium, axe, postgres) => {
            let reasons = [chromium.err(), axe.err(), postgres.err()];
            let reasons = reasons.into_iter().flatten();
            let reasons: Vec<_> = reasons.map(|error| format!("{error:#}")).collect();
            cases.not_run("the console in a browser", &reasons.join("; "));
            return Ok(());
        }
    };
    let folder = paths::fresh("e2e-console").context("cannot empty target/e2e-console")?;
    let built = custom_service::service()?;
    let server = PostgresServer::start(&postgres)?;
    let fixture = Fixture {
        chromium,
        axe,
        built,
        server,
        folder,
    };
    faulty_page::cases(cases, &fixture);

    let settings = [("FAULTS_LATENCY_BUDGET", "40")];
    let instance = Instance::start(&fixture.built, &fixture.server, "console", &settings)?;
    let load = instance.load()?;
    failing_request::cases(cases, &fixture, &instance);
    keyboard::cases(cases, &fixture, &instance);
    views::cases(cases, &fixture, &instance);
    pause::cases(cases, &fixture, &instance);
    picked::cases(cases, &fixture, &instance);
    lost::cases(cases, &fixture, &instance);
    log_filter::cases(cases, &fixture, &instance);
    numbers::cases(cases, &fixture, &instance);
    let pictures = pictures::cases(cases, &fixture, &instance);
    drop((load, instance));

    markup::cases(cases, &fixture);
    token::cases(cases, &fixture);
    restart::cases(cases, &fixture);
    saved_file::cases(cases, &fixture);
    volume::cases(cases, &fixture);
    if write {
        ensure!(
            cases.all_passed(),
            "nothing is written, because not all cases passed"
        );
        pictures::write(&pictures)?;
    }
    Ok(())
}
