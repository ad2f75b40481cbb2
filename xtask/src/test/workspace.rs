//! The suites that cargo itself runs on this workspace.

use std::process::Command;

use crate::{paths, test::Cases};

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

/// Everything at once, then the library alone, as those get it who ask for no feature.
pub(super) fn clippy(cases: &mut Cases) -> anyhow::Result<()> {
    let everything = ["--workspace", "--all-targets", "--all-features"];
    let no_feature = ["--package", "firstlight", "--lib", "--no-default-features"];
    for (name, what) in [
        ("the workspace has no warnings", &everything[..]),
        (
            "the library has no warnings without features",
            &no_feature[..],
        ),
    ] {
        let mut clippy = cargo(&["clippy"]);
        clippy.args(what).args(["--", "--deny", "warnings"]);
        cases.command(name, &mut clippy, fine);
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
    cases.cargo_test(
        "cargo test",
        &mut cargo(&["test", "--workspace", "--all-features", "--no-fail-fast"]),
    );
    Ok(())
}
