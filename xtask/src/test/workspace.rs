//! The suites that cargo itself runs on this workspace.

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

/// Their exit status says it all.
fn fine(_output: &str) -> anyhow::Result<()> {
    Ok(())
}

pub(super) fn fmt(cases: &mut Cases) -> anyhow::Result<()> {
    cases.command(
        "the workspace is formatted",
        &mut cargo(&["fmt", "--all", "--check"]),
        fine,
    );
    Ok(())
}

/// Features of the library that have code of their own for being alone.
const FEATURES: [&str; 10] = [
    "",
    "otlp-grpc",
    "otlp-tls",
    "otlp-gzip",
    "axum",
    "sqlx",
    "sqlx-sqlite",
    "sqlx-postgres",
    "apalis-sqlite",
    "apalis-postgres",
];

/// Everything at once, then the library as those get it who ask for one feature or none.
pub(super) fn clippy(cases: &mut Cases) -> anyhow::Result<()> {
    let mut clippy = |name: &str, what: &[&str]| {
        let mut clippy = cargo(&["clippy"]);
        clippy.args(what).args(["--", "--deny", "warnings"]);
        cases.command(name, &mut clippy, fine);
    };
    let everything = ["--workspace", "--all-targets", "--all-features"];
    clippy("the workspace has no warnings", &everything);
    for feature in FEATURES {
        let name = format!("the library with the features {feature:?} has no warnings");
        let what = [
            "--package",
            "firstlight",
            "--lib",
            "--no-default-features",
            "--features",
            feature,
        ];
        clippy(&name, &what);
    }
    Ok(())
}

pub(super) fn docs(cases: &mut Cases) -> anyhow::Result<()> {
    let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--all-features"]);
    cases.command(
        "the documentation has no warnings",
        doc.env("RUSTDOCFLAGS", "--deny warnings"),
        fine,
    );
    Ok(())
}

pub(super) fn tests(cases: &mut Cases) -> anyhow::Result<()> {
    let mut test = cargo(&["test", "--workspace", "--all-features", "--no-fail-fast"]);
    // Held until the tests are over.
    let server = tools::postgres().and_then(|postgres| PostgresServer::start(&postgres));
    match &server {
        Ok(server) => {
            test.env("TEST_POSTGRES", server.url());
        }
        Err(error) => cases.not_run("the tests against PostgreSQL", &format!("{error:#}")),
    }
    cases.cargo_test("cargo test", &mut test);
    Ok(())
}
