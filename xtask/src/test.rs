//! `cargo xtask test`: runs every check of CI, suite by suite.
//!
//! A case whose program is missing on this machine is reported as not run. If `CI` is set, such a case fails the run, so
//! that a missing installation cannot go unnoticed. What a machine cannot check at all, for example without an older
//! toolchain, is reported as unchecked, which fails no run.

mod book;
mod demo_suite;
mod minimal;
mod release;
mod workspace;

use std::{process::ExitCode, time::Instant};

use anyhow::bail;
use clap::Args;
use e2e::{console, integrations, live, signals, store, template};
use support::{Cases, Report, interrupt, paths, tools, ui};

/// Arguments of `test`.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Run this suite only; may be repeated.
    #[arg(long, value_name = "SUITE")]
    only: Vec<String>,
    /// Run the slow suites as well.
    ///
    /// They build everything anew or wait for minutes.
    #[arg(long)]
    all: bool,
    /// List the suites.
    #[arg(long)]
    list: bool,
}

/// A named group of cases.
struct Suite {
    name: &'static str,
    about: &'static str,
    /// Whether the suite runs only by name or with `--all`.
    is_slow: bool,
    run: fn(&mut Cases) -> anyhow::Result<()>,
}

/// All suites, the fast ones first.
///
/// In this order, a typo is found before any long build.
const SUITES: [Suite; 19] = [
    Suite {
        name: "fmt",
        about: "the formatting of the workspace",
        is_slow: false,
        run: workspace::fmt,
    },
    Suite {
        name: "tidy",
        about: "licenses and sources of all dependencies, one version of each facade",
        is_slow: false,
        run: tidy_suite,
    },
    Suite {
        name: "clippy",
        about: "lints with all features, with some features alone and with none",
        is_slow: false,
        run: workspace::clippy,
    },
    Suite {
        name: "docs",
        about: "the documentation and the book build without warnings, and their links lead somewhere",
        is_slow: false,
        run: workspace::docs,
    },
    Suite {
        name: "observability",
        about: "dashboards, alerts and runbooks, without a service",
        is_slow: false,
        run: observability::run,
    },
    Suite {
        name: "tests",
        about: "unit tests, integration tests and doctests of the workspace",
        is_slow: false,
        run: workspace::tests,
    },
    Suite {
        name: "release",
        about: "the package, its public API, the oldest compilers, advisories, and the workflows",
        is_slow: false,
        run: release::run,
    },
    Suite {
        name: "template",
        about: "the template, generated with every option, linted and tested",
        is_slow: false,
        run: template::run,
    },
    Suite {
        name: "integrations",
        about: "programs on Redis, tokio-postgres, diesel and sqlx 0.8, with real servers",
        is_slow: false,
        run: integrations::run,
    },
    Suite {
        name: "demo",
        about: "the demo and its output",
        is_slow: false,
        run: demo_suite::run,
    },
    Suite {
        name: "signals",
        about: "a generated service with a real Prometheus and a real collector",
        is_slow: false,
        run: signals::run,
    },
    Suite {
        name: "console",
        about: "the console of a generated service under load, in a real Chromium",
        is_slow: false,
        run: console::suite,
    },
    Suite {
        name: "features",
        about: "lints with each feature alone, and with pairs of features that meet in code",
        is_slow: true,
        run: workspace::features,
    },
    Suite {
        name: "compilers",
        about: "the package with all features, its documentation with a nightly compiler, and the fuzzer",
        is_slow: true,
        run: release::compilers,
    },
    Suite {
        name: "kafka",
        about: "a program on rdkafka, with librdkafka's brokers for tests",
        is_slow: true,
        run: integrations::kafka,
    },
    Suite {
        name: "soak",
        about: "ten minutes of failures and hostile sizes in the flight recorder",
        is_slow: true,
        run: workspace::soak,
    },
    Suite {
        name: "minimal",
        about: "the library and generated services with each direct dependency at its lower bound",
        is_slow: true,
        run: minimal::run,
    },
    Suite {
        name: "store",
        about: "a generated service with a real PostgreSQL, under faults",
        is_slow: true,
        run: store::run,
    },
    Suite {
        name: "live",
        about: "every panel and most alerts with a live service, first healthy, then under faults",
        is_slow: true,
        run: live::suite,
    },
];

pub(crate) fn run(args: &TestArgs) -> anyhow::Result<ExitCode> {
    if args.list {
        for Suite {
            name,
            about,
            is_slow,
            ..
        } in SUITES
        {
            let when = if is_slow { " (only with --all)" } else { "" };
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
        is_slow,
        run,
    } in SUITES
    {
        if !args.only.is_empty() && !args.only.iter().any(|only| only == name) {
            continue;
        }
        if is_slow && args.only.is_empty() && !args.all {
            left_out.push(name);
            continue;
        }
        ui::heading(&format!("{name}: {about}"));
        let started = Instant::now();
        let mut cases = Cases::new(name);
        if let Err(error) = run(&mut cases) {
            cases.failed("set-up of the suite", &error);
        }
        report.add(cases, started.elapsed());
    }
    if !left_out.is_empty() {
        ui::heading(&format!(
            "not run: {}; these suites are slow and run with --all",
            left_out.join(", ")
        ));
    }
    // Every CI system sets this variable.
    let strict = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
    Ok(if report.close(strict) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn tidy_suite(cases: &mut Cases) -> anyhow::Result<()> {
    let name = "dependencies: as .deny.toml allows";
    match tools::cargo_deny() {
        Ok(mut deny) => {
            deny.args(["--config", ".deny.toml", "check", "--hide-inclusion-graph"])
                .args(["bans", "licenses", "sources"])
                .current_dir(paths::root());
            cases.command(name, &mut deny, |_| Ok(()));
        }
        Err(error) => cases.not_run(name, &format!("{error:#}")),
    }
    Ok(())
}
