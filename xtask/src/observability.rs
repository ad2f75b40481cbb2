//! What a service is watched with, generated from what it emits: dashboards, alerts, and what proves both.
//!
//! The numbers that dashboards and alerts share are in [`limits`], and every query is written over the library's catalogue,
//! see [`promql`]. What is generated is committed below `docs/`, because users copy it and nobody needs the generator.

pub(crate) mod alerts;
pub(crate) mod dashboards;
mod expr;
mod foreign;
mod limits;
mod promql;
pub(crate) mod prove;

use crate::test::Cases;

/// Everything about dashboards and alerts that holds without a service.
pub(crate) fn run(cases: &mut Cases) -> anyhow::Result<()> {
    dashboards::cases(cases);
    alerts::cases(cases);
    Ok(())
}
