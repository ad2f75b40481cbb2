//! The suite `release`: what a version on crates.io needs beside the code.
//!
//! What this machine lacks, such as an older toolchain, is reported as unchecked.

mod crate_file;
mod docs_rs;
mod fuzzer;
mod rust_versions;
mod workflow_files;

use support::{Cases, command, tools};

use crate::{api, tag};

pub(super) fn run(cases: &mut Cases) -> anyhow::Result<()> {
    workflow_files::cases(cases)?;
    crate_file::cases(cases)?;
    rust_versions::cases(cases)?;
    public_api(cases);
    advisories(cases);
    cases.check("tag: its version has a heading in the changelog", || {
        tag::unreleased_version().map(drop)
    });
    Ok(())
}

/// Builds with other compilers and for a fuzzer.
///
/// Also builds everything that is in the package.
pub(super) fn compilers(cases: &mut Cases) -> anyhow::Result<()> {
    crate_file::make()?;
    docs_rs::with_nightly(cases);
    crate_file::with_all_features(cases)?;
    fuzzer::cases(cases)
}

fn public_api(cases: &mut Cases) {
    let name = "public API: docs/public-api.txt is up to date";
    match api::current() {
        Ok(Ok(current)) => {
            cases.check(name, || api::compare(&current));
            cases.check("public API: no type of OpenTelemetry", || {
                api::has_no_type_of("opentelemetry", &current)
            });
        }
        Ok(Err(reason)) => cases.unchecked(name, &reason),
        Err(error) => cases.failed(name, &error),
    }
}

/// Compares the dependencies with RustSec's advisories.
fn advisories(cases: &mut Cases) {
    let name = "advisories: none of a dependency";
    let deny = || -> anyhow::Result<_> {
        let mut deny = tools::cargo_deny()?;
        deny.args(["--config", ".deny.toml", "--color", "never"])
            .current_dir(support::paths::root());
        Ok(deny)
    };
    let fetched = deny().and_then(|mut deny| command::run_quietly(deny.args(["fetch", "db"])));
    if let Err(error) = fetched {
        let error = format!("{error:#}");
        let reason = error.lines().find(|line| line.contains("[ERROR]"));
        return cases.unchecked(
            name,
            &format!(
                "the advisory database cannot be fetched: {}",
                reason.unwrap_or(&error)
            ),
        );
    }
    cases.check(name, || {
        command::run_quietly(deny()?.args(["check", "--hide-inclusion-graph", "advisories"]))
            .map(drop)
    });
}
