//! Dashboards and alerts, generated from the metric catalog, and their checks.
//!
//! `limits` holds the numbers that dashboards and alerts share. Every query is built by `promql` from the library's
//! catalog. The generated files are committed, because users do not run the generator: in `docs/` for readers and
//! for clusters, and in the template for the containers of compose.

#![expect(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    reason = "never published; its callers change with it"
)]

pub mod addresses;
pub mod alerts;
pub mod conventions;
pub mod dashboards;
mod entities;
mod example_metrics;
mod exposition_parsers;
mod expr;
mod failed;
mod folder;
mod foreign;
mod limits;
#[cfg(test)]
mod metric_names;
pub mod platform;
mod promql;

use support::{Cases, paths};

/// Runs all checks of names, dashboards and alerts that need no running service.
pub fn run(cases: &mut Cases) -> anyhow::Result<()> {
    cases.check(
        "conventions: the list matches OpenTelemetry's packages",
        conventions::check,
    );
    exposition_parsers::cases(cases);
    dashboards::cases(cases);
    alerts::cases(cases);
    cases.check("docs/platform: up to date", || {
        platform::docs().compare(paths::root())
    });
    Ok(())
}
