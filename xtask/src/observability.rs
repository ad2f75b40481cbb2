//! What a service is watched with, generated from what it emits: dashboards, alerts, and what proves both.
//!
//! The numbers that dashboards and alerts share are in [`limits`], and every query is written over the library's catalogue,
//! see [`promql`]. What is generated is committed, because nobody needs the generator: below `docs/` to be read and
//! copied, and in `template/observability` for every generated service.

pub(crate) mod addresses;
pub(crate) mod alerts;
pub(crate) mod dashboards;
mod exposition;
mod expr;
mod folder;
mod foreign;
mod limits;
mod promql;
pub(crate) mod prove;
mod things;

use crate::{conventions, test::Cases};

/// Everything about names, dashboards and alerts that holds without a service.
pub(crate) fn run(cases: &mut Cases) -> anyhow::Result<()> {
    cases.check(
        "the list of OpenTelemetry's names is what its packages say",
        conventions::check,
    );
    exposition::cases(cases);
    dashboards::cases(cases);
    alerts::cases(cases);
    Ok(())
}
