//! The automation of this repository.
//!
//! `cargo xtask demo` shows the library in a generated service, `cargo xtask test` runs all checks, `cargo xtask bench`
//! measures overhead, `cargo xtask new` generates a service, and `cargo xtask upgrade` merges a newer template into it. Each installs what it needs below `target/`.

mod answer_effect;
mod api;
mod bench;
mod demo;
mod new;
mod refusal;
mod rename;
mod tag;
mod test;
mod upgrade;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use e2e::{console, live};
use observability::{alerts, conventions, dashboards, platform};
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
    /// Run a generated service and follow one order through its signals.
    ///
    /// The order is followed through its rows, logs, metrics and traces, and across the queue to the end of its job.
    #[command(after_help = "Examples:
  cargo xtask demo           show it, and keep the service running until Ctrl-C
  cargo xtask demo --once    show it, and stop")]
    Demo(demo::DemoArgs),
    /// Run every check that CI runs.
    #[command(after_help = "Examples:
  cargo xtask test                 what CI runs; installs what it needs below target/
  cargo xtask test --all           the slow suites as well: soak, minimal, store and live
  cargo xtask test --list          list the suites
  cargo xtask test --only signals  one suite; repeat --only for more")]
    Test(test::TestArgs),
    /// Measure the cost of telemetry, side by side with other set-ups.
    #[command(after_help = "Examples:
  cargo xtask bench --quick          build everything and run it once
  cargo xtask bench                  measure processor time per request, five rounds; about a quarter of an hour
  cargo xtask bench --instructions   count instructions per request with valgrind instead; about 20 minutes
  cargo xtask bench --build          measure crates and build time instead
  cargo xtask bench --tabs           measure requests while pages of the console are open; about four minutes
  cargo xtask bench --write          measure nothing, write docs/book/src/benchmarks.md from the last results")]
    Bench(bench::BenchArgs),
    /// Write docs/alerts: rules, their tests and the routing.
    #[command(after_help = "Examples:
  cargo xtask alerts            write them
  cargo xtask alerts --check    fail if the committed files are out of date
  cargo xtask alerts --destination DIR --grafana URL --runbooks URL
                                write a copy, with links to your Grafana and your runbooks")]
    Alerts(alerts::AlertsArgs),
    /// Write the public API of the library, docs/public-api.txt.
    #[command(after_help = "Examples:
  cargo xtask api            write it
  cargo xtask api --check    fail if the committed file is out of date")]
    Api(api::ApiArgs),
    /// Write the names of the semantic conventions.
    ///
    /// A test compares emitted names with them.
    #[command(after_help = "Examples:
  cargo xtask conventions            write them
  cargo xtask conventions --check    fail if the committed files are out of date")]
    Conventions(conventions::ConventionsArgs),
    /// Generate a service from the template.
    #[command(after_help = "Examples:
  cargo xtask new orders                             a service in ./orders
  cargo xtask new orders --example --ci gitlab       with the example API, for GitLab
  cargo xtask new orders --deploy kubernetes         with manifests; compose is the default
  cargo xtask new orders --grafana URL --runbooks URL    with links to your Grafana and runbooks
  cargo xtask new orders --destination ~/services    somewhere else
  cargo xtask new orders -- --vcs none               pass options to cargo-generate")]
    New(new::NewArgs),
    /// Merge what has changed in the template into services, each on a new branch.
    ///
    /// The template of the commit in the service's .firstlight.toml and the newest one of this checkout are rendered with the
    /// recorded answers, and git merges the difference. If both have changed the same lines, git marks a conflict.
    #[command(after_help = "Examples:
  cargo xtask upgrade ../orders                            one service; asks new questions of the template
  cargo xtask upgrade --defaults ../services/*             many, without questions, with a table at the end
  cargo xtask upgrade ../orders --answer ci=gitlab         change an answer, and all files that depend on it
  cargo xtask upgrade ../orders --from 4f0c1d2e            if the record names no commit, or one that is gone

Exit status: 0 if all services are up to date or merged, 1 if one has conflicts or was refused.")]
    Upgrade(upgrade::UpgradeArgs),
    /// Write Grafana's dashboards in docs/dashboards.
    #[command(after_help = "Examples:
  cargo xtask dashboards            write them
  cargo xtask dashboards --check    fail if the committed files are out of date
  cargo xtask dashboards --destination DIR --runbooks URL
                                    write a copy, with links to your runbooks")]
    Dashboards(dashboards::DashboardsArgs),
    /// Write docs/platform: dashboards and rules as one artifact for a cluster.
    #[command(after_help = "Examples:
  cargo xtask platform            write it
  cargo xtask platform --check    fail if the committed file is out of date
  cargo xtask platform --destination DIR --grafana URL --runbooks URL
                                  write a copy of everything, with your links, for kubectl apply -k DIR")]
    Platform(platform::PlatformArgs),
    /// Test dashboards and alerts on a live service.
    ///
    /// Every panel has data, and every injected fault raises its alert.
    #[command(after_help = "Examples:
  cargo xtask live            test it; about seven minutes
  cargo xtask live --write    test it, and write docs/book/src/e2e-live.md")]
    Live(live::LiveArgs),
    /// Test the console of a generated service in a browser.
    #[command(after_help = "Examples:
  cargo xtask console            test it
  cargo xtask console --write    test it, and write the pictures docs/book/src/images/console-*.png")]
    Console(console::ConsoleArgs),
    /// Rename a metric everywhere and write the generated files.
    RenameMetric(rename::RenameArgs),
    /// Check that a tag may be released.
    ///
    /// The version in Cargo.toml and the first heading of the changelog, with a date, must be those of the tag.
    Tag(tag::TagArgs),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Task::Demo(args) => demo::run(&args),
        Task::Test(args) => test::run(&args),
        Task::Api(args) => api::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Alerts(args) => alerts::run(&args),
        Task::Conventions(args) => conventions::run(&args),
        Task::Dashboards(args) => dashboards::run(&args),
        Task::Platform(args) => platform::run(&args),
        Task::Live(args) => live::run(&args),
        Task::Console(args) => console::run(&args),
        Task::RenameMetric(args) => rename::run(&args),
        Task::Tag(args) => tag::run(&args),
        Task::New(args) => new::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Upgrade(args) => upgrade::run(&args),
    };
    result.unwrap_or_else(|error| {
        ui::error(format!("{error:#}"));
        ExitCode::FAILURE
    })
}
