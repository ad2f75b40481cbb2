//! This repository's automation.
//!
//! `cargo xtask demo` shows what the project is for, `cargo xtask test` checks that it holds, `cargo xtask bench` measures
//! what it costs, and `cargo xtask new` makes a service to work on. Each sets up what it needs by itself, below `target/`.
//!
//! Left out on purpose: building and running for everyday work, which plain `cargo` does.

#![expect(clippy::print_stderr, reason = "a terminal is the output of xtask")]

mod bench;
mod demo;
mod new;
mod rename;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use e2e::live;
use observability::{alerts, conventions, dashboards};
use support::ui;

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "firstlight's automation",
    version
)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Make a service from the template, run it, and follow one request through logs, metrics and traces.
    #[command(after_help = "Examples:
  cargo xtask demo           show it, and keep the service running until Ctrl-C
  cargo xtask demo --once    show it, stop, and fail if the three signals do not agree")]
    Demo(demo::DemoArgs),
    /// Run every check that CI runs.
    #[command(after_help = "Examples:
  cargo xtask test                 what CI runs; installs what it needs below target/
  cargo xtask test --all           the heavy suites as well: minimal, store and live
  cargo xtask test --list          what there is to run
  cargo xtask test --only signals  one suite; repeat --only for more")]
    Test(test::TestArgs),
    /// Measure what telemetry costs, beside the other ways to have it.
    #[command(after_help = "Examples:
  cargo xtask bench --quick          build everything and show that it works
  cargo xtask bench                  measure processor time per request, five rounds; about a quarter of an hour
  cargo xtask bench --build          measure crates and build time instead
  cargo xtask bench --write          measure nothing, write docs/book/src/benchmarks.md from the last results")]
    Bench(bench::BenchArgs),
    /// Write docs/alerts: rules, their tests, and who is told.
    #[command(after_help = "Examples:
  cargo xtask alerts            write them
  cargo xtask alerts --check    fail if what is committed is not what would be written
  cargo xtask alerts --destination DIR --grafana URL --runbooks URL
                                write a copy, with links to your Grafana and your runbooks")]
    Alerts(alerts::AlertsArgs),
    /// Write the names of the semantic conventions, which a test compares what is emitted with.
    #[command(after_help = "Examples:
  cargo xtask conventions            write them
  cargo xtask conventions --check    fail if what is committed is not what would be written")]
    Conventions(conventions::ConventionsArgs),
    /// Make a new service from the template.
    #[command(after_help = "Examples:
  cargo xtask new orders                             a service in ./orders
  cargo xtask new orders --example --ci gitlab       with the example API, for GitLab
  cargo xtask new orders --deploy kubernetes         with manifests; compose is the default
  cargo xtask new orders --grafana URL --runbooks URL    with links to yours in alerts
  cargo xtask new orders --destination ~/services    somewhere else
  cargo xtask new orders -- --vcs none               the rest goes to cargo-generate")]
    New(new::NewArgs),
    /// Write Grafana's dashboards, docs/dashboards, from the catalogue of metrics.
    #[command(after_help = "Examples:
  cargo xtask dashboards            write them
  cargo xtask dashboards --check    fail if what is committed is not what would be written
  cargo xtask dashboards --destination DIR --runbooks URL
                                    write a copy, with links to your runbooks")]
    Dashboards(dashboards::DashboardsArgs),
    /// Test dashboards and alerts end to end on a live service: every panel has data, every fault raises its alert.
    #[command(after_help = "Examples:
  cargo xtask live            test it; about five minutes
  cargo xtask live --write    and write docs/book/src/e2e-live.md")]
    Live(live::LiveArgs),
    /// Rename a metric in the catalog, in tests and in prose, and write what is generated.
    RenameMetric(rename::RenameArgs),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Task::Demo(args) => demo::run(&args),
        Task::Test(args) => test::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Alerts(args) => alerts::run(&args),
        Task::Conventions(args) => conventions::run(&args),
        Task::Dashboards(args) => dashboards::run(&args),
        Task::Live(args) => live::run(&args),
        Task::RenameMetric(args) => rename::run(&args),
        Task::New(args) => new::run(&args).map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        eprintln!("\n{} {error:#}", ui::bad("error:"));
        ExitCode::FAILURE
    })
}
