//! `cargo xtask test`: every check that CI runs, suite by suite, each case by name.
//!
//! A case that cannot run here, because a program that it needs is not to be had, is reported as not run; where `CI` is set
//! it makes the whole run fail, so that a missing installation cannot hide behind a green result.

mod demo;
mod minimal;
mod workspace;

use std::{process::ExitCode, time::Instant};

use anyhow::bail;
use clap::Args;
use e2e::{live, signals, store, template};
use support::{Cases, Report, interrupt, ui};

use crate::tidy;

/// What `test` can be told.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Run this suite only; may be repeated.
    #[arg(long, value_name = "SUITE")]
    only: Vec<String>,
    /// Run the heavy suites, too: those that build everything anew or wait for minutes.
    #[arg(long)]
    all: bool,
    /// Say what there is to run.
    #[arg(long)]
    list: bool,
}

/// A group of cases that share what they need.
struct Suite {
    name: &'static str,
    about: &'static str,
    /// Runs only by name or with `--all`.
    is_heavy: bool,
    run: fn(&mut Cases) -> anyhow::Result<()>,
}

/// Fast ones first: a typo should not wait for a build.
const SUITES: [Suite; 12] = [
    Suite {
        name: "fmt",
        about: "the formatting of every Rust file",
        is_heavy: false,
        run: workspace::fmt,
    },
    Suite {
        name: "tidy",
        about: "licences of all dependencies, one version of each facade",
        is_heavy: false,
        run: tidy_suite,
    },
    Suite {
        name: "clippy",
        about: "lints, warnings denied, with all features and with none",
        is_heavy: false,
        run: workspace::clippy,
    },
    Suite {
        name: "docs",
        about: "the documentation, warnings denied",
        is_heavy: false,
        run: workspace::docs,
    },
    Suite {
        name: "observability",
        about: "dashboards, alerts and runbooks, without a service",
        is_heavy: false,
        run: observability::run,
    },
    Suite {
        name: "tests",
        about: "unit tests, integration tests and doctests of the workspace",
        is_heavy: false,
        run: workspace::tests,
    },
    Suite {
        name: "template",
        about: "the template, generated with every option, linted and tested",
        is_heavy: false,
        run: template::run,
    },
    Suite {
        name: "demo",
        about: "the demo, judged by itself",
        is_heavy: false,
        run: demo::run,
    },
    Suite {
        name: "signals",
        about: "a generated service against a real Prometheus and a real collector",
        is_heavy: false,
        run: signals::run,
    },
    Suite {
        name: "minimal",
        about: "the library and generated services with each direct dependency at its lower bound",
        is_heavy: true,
        run: minimal::run,
    },
    Suite {
        name: "store",
        about: "a generated service and a real PostgreSQL, when something goes wrong between them",
        is_heavy: true,
        run: store::run,
    },
    Suite {
        name: "live",
        about: "every panel and every alert against a service that is alive, and then in trouble",
        is_heavy: true,
        run: live::suite,
    },
];

pub(crate) fn run(args: &TestArgs) -> anyhow::Result<ExitCode> {
    if args.list {
        for Suite {
            name,
            about,
            is_heavy,
            ..
        } in SUITES
        {
            let when = if is_heavy { " (only with --all)" } else { "" };
            ui::line(format!("  {name:<13} {about}{when}"));
        }
        return Ok(ExitCode::SUCCESS);
    }
    for name in &args.only {
        if !SUITES.iter().any(|suite| suite.name == name) {
            let names: Vec<_> = SUITES.iter().map(|suite| suite.name).collect();
            bail!(
                "--only: found {name:?}, expected one of {}",
                names.join(", ")
            );
        }
    }
    interrupt::exit_at_once()?;

    let mut report = Report::default();
    let mut left_out = Vec::new();
    for Suite {
        name,
        about,
        is_heavy,
        run,
    } in SUITES
    {
        if !args.only.is_empty() && !args.only.iter().any(|only| only == name) {
            continue;
        }
        if is_heavy && args.only.is_empty() && !args.all {
            left_out.push(name);
            continue;
        }
        ui::heading(&format!("{name}: {about}"));
        let started = Instant::now();
        let mut cases = Cases::new(name);
        if let Err(error) = run(&mut cases) {
            cases.failed("what the suite needs", &error);
        }
        report.add(cases, started.elapsed());
    }
    if !left_out.is_empty() {
        ui::heading(&format!(
            "not run: {}; they are heavy, and run with --all",
            left_out.join(", ")
        ));
    }
    // Every CI system sets this one.
    let strict = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
    Ok(if report.close(strict) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn tidy_suite(cases: &mut Cases) -> anyhow::Result<()> {
    cases.check(
        "there is one version of every facade",
        tidy::one_version_each,
    );
    cases.check(
        "every dependency has a licence that .deny.toml allows",
        tidy::licences,
    );
    Ok(())
}
