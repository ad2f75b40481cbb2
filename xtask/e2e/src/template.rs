//! The template, as those meet it who generate a service: every combination of its options is generated and looked through;
//! those that differ in code are linted and tested; what the others add is validated.

mod combinations;
mod compose;
mod kubernetes;
mod literals;
mod observability;
mod pipelines;
mod readme;
mod record;
mod schemas;
mod variables;
mod versions;
mod ways;

use anyhow::Context as _;
use support::{Cases, files, paths};

/// Runs the suite.
pub fn run(cases: &mut Cases) -> anyhow::Result<()> {
    let folder = paths::fresh("template-tests").context("cannot empty target/template-tests")?;
    cases.check(
        "every placeholder in the template has a value, so that Liquid blanks nothing",
        literals::are_known,
    );
    cases.check(
        ".env.example has variables that exist, with the defaults that they have",
        variables::are_right,
    );
    cases.check(
        "literals of workflows, alerts, legends and manifests survive, byte for byte",
        || literals::survive(&folder),
    );
    let Some(generated) = combinations::generate(cases, &folder) else {
        return Ok(());
    };
    record::cases(cases, &generated, &folder);
    schemas::cases(cases, &generated);
    kubernetes::cases(cases, &generated);
    kubernetes::names(cases, &folder);
    compose::cases(cases, &generated);
    observability::cases(cases, &generated, &folder);
    pipelines::cases(cases, &generated);
    versions::cases(cases, &generated);
    ways::names(cases, &folder);
    ways::contradictions(cases, &folder);
    ways::sources(cases, &folder);
    combinations::build(cases, &generated);
    ways::places(cases, &folder)?;
    ways::terminal(cases, &folder);
    Ok(())
}
