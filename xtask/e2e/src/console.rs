//! Suite `console`: the console of a generated service, in a real Chromium.
//!
//! The service has PostgreSQL, a worker, the example, and the routes of `xtask/e2e/service`, which cause faults on demand.
//! It is under load meanwhile. The cases do what a person does: they read, click and type. They find links, buttons and
//! rows by their texts, so that the style of the page can change.

mod accessibility;
mod appearance;
mod browser;
mod faulty_page;
mod long_tasks;
mod page;
mod place;
mod records;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use support::{
    Cases, interrupt, paths,
    tools::{self, Chromium},
};

use self::browser::Browser;

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
    let mut cases = Cases::new("console");
    test(&mut cases, args.write)?;
    Ok(if cases.all_passed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
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
    /// The folder of profiles, downloads and screenshots.
    folder: PathBuf,
}

impl Fixture {
    /// Starts a browser with a profile of this name.
    fn browser(&self, name: &str) -> anyhow::Result<Browser> {
        Browser::start(&self.chromium, &self.folder.join(name))
    }
}

fn test(cases: &mut Cases, _write: bool) -> anyhow::Result<()> {
    let (chromium, axe) = match (tools::chromium(), tools::axe()) {
        (Ok(chromium), Ok(axe)) => (chromium, axe),
        (chromium, axe) => {
            let reasons = [chromium.err(), axe.err()].into_iter().flatten();
            let reasons: Vec<_> = reasons.map(|error| format!("{error:#}")).collect();
            cases.not_run("the console in a browser", &reasons.join("; "));
            return Ok(());
        }
    };
    let folder = paths::fresh("e2e-console").context("cannot empty target/e2e-console")?;
    let fixture = Fixture {
        chromium,
        axe,
        folder,
    };
    faulty_page::cases(cases, &fixture);
    Ok(())
}
