//! What a service is watched with, generated from what it emits: dashboards, alerts, and what checks both.
//!
//! The numbers that dashboards and alerts share are in `limits`, and every query is written over the library's catalogue,
//! see `promql`. What is generated is committed, because no user needs the generator: below `docs/` to be read and
//! copied, and in `template/observability` for every generated service.

#![expect(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    reason = "never published; its callers change with it"
)]

pub mod addresses;
pub mod alerts;
pub mod conventions;
pub mod dashboards;
mod exposition;
mod expr;
mod failed;
mod folder;
mod foreign;
mod limits;
mod promql;
mod things;

use support::Cases;

/// Everything about names, dashboards and alerts that holds without a service.
pub fn run(cases: &mut Cases) -> anyhow::Result<()> {
    cases.check(
        "the list of OpenTelemetry's names is what its packages say",
        conventions::check,
    );
    exposition::cases(cases);
    dashboards::cases(cases);
    alerts::cases(cases);
    Ok(())
}
