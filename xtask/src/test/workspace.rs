//! Suites that run cargo on this workspace: fmt, clippy, docs and tests.

use std::process::Command;

use support::{
    Cases, paths,
    tools::{self, PostgresServer},
};

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

/// All other features that differ if no other feature is enabled.
const FURTHER_FEATURES: [&str; 13] = [
    "actix",
    "apalis-postgres",
    "apalis-sqlite",
    "axum-07",
    "console",
    "otlp-grpc",
    "otlp-gzip",
    "otlp-tls",
    "reqwest",
    "reqwest-012",
    "sqlx",
    "sqlx-08",
    "sqlx-sqlite",
];

/// Lints everything with all features, then the library with one feature or none.
pub(super) fn clippy(cases: &mut Cases) -> anyhow::Result<()> {
    let everything = ["--workspace", "--all-targets", "--all-features"];
    lint(cases, "clippy: no warnings in the workspace", &everything);
    lint_features(cases, &DISTINCT_FEATURES);
    Ok(())
}

/// Lints the library with each feature that [`clippy`] leaves out.
pub(super) fn features(cases: &mut Cases) -> anyhow::Result<()> {
    lint_features(cases, &FURTHER_FEATURES);
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

pub(super) fn docs(cases: &mut Cases) -> anyhow::Result<()> {
    let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--all-features"]);
    cases.command(
        "docs: no warnings",
        doc.env("RUSTDOCFLAGS", "--deny warnings"),
        no_check,
    );
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
