//! Suite `template`: generates services from the template and checks them.
//!
//! Every combination of options is generated. Combinations that differ in code are linted and tested, and the files of
//! the other options are validated.

mod changed_metrics;
mod combinations;
mod compose;
mod kubernetes;
mod literals;
mod observability;
mod pipelines;
mod readme;
mod record;
mod recorder;
mod schemas;
mod upgrades;
mod variables;
mod versions;
mod ways;

use anyhow::Context as _;
use support::{Cases, files, paths};

/// Runs the suite.
pub fn run(cases: &mut Cases) -> anyhow::Result<()> {
    let folder = paths::fresh("template-tests").context("cannot empty target/template-tests")?;
    cases.check("placeholders: each has a value", literals::are_known);
    cases.check(
        ".env.example: existing variables with their defaults",
        variables::check,
    );
    cases.check("literals: braces of other formats are kept", || {
        literals::survive(&folder)
    });
    let Some(generated) = combinations::generate(cases, &folder) else {
        return Ok(());
    };
    record::cases(cases, &generated, &folder);
    schemas::cases(cases, &generated);
    kubernetes::cases(cases, &generated);
    kubernetes::names(cases, &folder);
    kubernetes::answers(cases, &folder);
    compose::cases(cases, &generated);
    recorder::cases(cases, &generated);
    observability::cases(cases, &generated, &folder);
    pipelines::cases(cases, &generated);
    versions::cases(cases, &generated);
    ways::names(cases, &folder);
    ways::contradictions(cases, &folder);
    ways::sources(cases, &folder);
    combinations::build(cases, &generated);
    changed_metrics::cases(cases, &generated, &folder);
    observability::built(cases, &generated);
    ways::places(cases, &folder)?;
    ways::terminal(cases, &folder);
    upgrades::cases(cases)
}
