//! Suites that run cargo on this workspace: fmt, clippy, docs and tests.

use std::process::Command;

use anyhow::ensure;
use support::{
    Cases, paths, toolchains,
    tools::{self, PostgresServer},
};

use super::book;

fn cargo(args: &[&str]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(args).current_dir(paths::root());
    cargo
}

/// Accepts any output; the exit status decides.
fn no_check(_output: &str) -> anyhow::Result<()> {
    Ok(())
}

pub(super) fn fmt(cases: &mut Cases) -> anyhow::Result<()> {
    cases.command(
        "fmt: the workspace is formatted",
        &mut cargo(&["fmt", "--all", "--check"]),
        no_check,
    );
    Ok(())
}

/// Features whose code differs most if no other feature is enabled.
///
/// The empty string stands for no feature.
const DISTINCT_FEATURES: [&str; 4] = ["", "axum", "db", "sqlx-postgres"];

/// Features whose code is in the same modules, so that one may break another.
///
/// The other features add a module or a driver, and need what these need.
const MEETING_FEATURES: &str =
    "actix,axum,axum-07,db,otlp-grpc,otlp-gzip,otlp-tls,sqlx,sqlx-08,testing";

/// Lints everything with all features, then the library with one feature or none.
pub(super) fn clippy(cases: &mut Cases) -> anyhow::Result<()> {
    let everything = ["--workspace", "--all-targets", "--all-features"];
    lint(cases, "clippy: no warnings in the workspace", &everything);
    lint_features(cases, &DISTINCT_FEATURES);
    Ok(())
}

/// Lints the library with each feature alone, and with pairs of features.
pub(super) fn features(cases: &mut Cases) -> anyhow::Result<()> {
    for (name, chosen) in [
        ("features: each alone", &["--each-feature"][..]),
        (
            "features: each pair that meets in code",
            &[
                "--feature-powerset",
                "--depth",
                "2",
                "--include-features",
                MEETING_FEATURES,
            ],
        ),
    ] {
        let mut hack = match tools::cargo_hack() {
            Ok(hack) => hack,
            Err(error) => {
                cases.not_run(name, &format!("{error:#}"));
                continue;
            }
        };
        hack.args(["clippy", "--package", "firstlight", "--locked"])
            .args(chosen)
            .args(["--", "--deny", "warnings"])
            .current_dir(paths::root());
        cases.command(name, &mut hack, no_check);
    }
    Ok(())
}

fn lint_features(cases: &mut Cases, features: &[&str]) {
    for feature in features {
        let name = format!("clippy: no warnings with features {feature:?}");
        let what = [
            "--package",
            "firstlight",
            "--no-default-features",
            "--features",
            feature,
        ];
        lint(cases, &name, &what);
    }
}

fn lint(cases: &mut Cases, name: &str, what: &[&str]) {
    let mut clippy = cargo(&["clippy"]);
    clippy.args(what).args(["--", "--deny", "warnings"]);
    cases.command(name, &mut clippy, no_check);
}

/// Builds the documentation of all crates, and the book.
///
/// docs.rs builds the library with the same options and a nightly compiler.
pub(super) fn docs(cases: &mut Cases) -> anyhow::Result<()> {
    let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--all-features"]);
    doc.env("RUSTDOC", toolchains::unstable_rustdoc()?)
        .env("RUSTDOCFLAGS", "--cfg docsrs --deny warnings");
    let is_built = cases.command(
        "docs: no warnings, with docs.rs' options",
        &mut doc,
        no_check,
    );
    if is_built {
        cases.check("docs: an item names its feature", || {
            let page = paths::target().join("doc/firstlight/cron/index.html");
            let page = std::fs::read_to_string(page)?;
            ensure!(
                page.contains("crate feature <code>cron</code>"),
                "the page of firstlight::cron does not name the feature cron"
            );
            Ok(())
        });
    }
    book::cases(cases);
    Ok(())
}

/// Runs the soak test of the flight recorder for ten minutes.
///
/// The tests run it for one.
pub(super) fn soak(cases: &mut Cases) -> anyhow::Result<()> {
    let mut soak = cargo(&["test", "--package", "firstlight", "--all-features"]);
    soak.args(["--test", "process", "--", "recorder::memory_is_flat"])
        .env("SOAK_SECONDS", "600");
    cases.cargo_test("cargo test of the soak", &mut soak);
    Ok(())
}

pub(super) fn tests(cases: &mut Cases) -> anyhow::Result<()> {
    let mut test = cargo(&["test", "--workspace", "--all-features", "--no-fail-fast"]);
    // The server runs until the end of this function.
    let server = tools::postgres().and_then(|postgres| PostgresServer::start(&postgres));
    match &server {
        Ok(server) => {
            test.env("TEST_POSTGRES", server.url());
        }
        Err(error) => cases.not_run("the tests against PostgreSQL", &format!("{error:#}")),
    }
    cases.cargo_test("cargo test", &mut test);
    for (name, package) in [
        ("cargo test of the model checks", "model"),
        ("cargo test of the fuzz targets", "fuzz"),
    ] {
        let manifest = format!("xtask/{package}/Cargo.toml");
        let mut test = cargo(&["test", "--manifest-path", &manifest]);
        test.env(
            "CARGO_TARGET_DIR",
            paths::root().join("target").join(package),
        );
        cases.cargo_test(name, &mut test);
    }
    Ok(())
}
