//! Programs that Cargo builds from crates.io.

use std::process::Command;

use anyhow::Context as _;

use crate::{command, paths};

/// Builds a package into `target/tools`.
///
/// `arguments` are those of `cargo install`, of which the first is the package.
pub(super) fn cargo_install(arguments: &[&str]) -> anyhow::Result<()> {
    let build = paths::tools().join("build");
    let mut install = Command::new("cargo");
    // A debug build halves the build time, and the programs work only on small files.
    install.args(["install", "--locked", "--debug"]);
    install.args(arguments);
    install
        .arg("--root")
        .arg(paths::tools())
        .arg("--target-dir")
        .arg(&build)
        .current_dir(paths::tools().parent().unwrap_or(&build));
    std::fs::create_dir_all(paths::tools()).context("cannot create target/tools")?;
    let package = arguments.first().copied().unwrap_or_default();
    command::run(
        &format!("install {package} (once, some minutes)"),
        &mut install,
    )?;
    // The build folder takes half a gigabyte and is not needed again.
    let _ = std::fs::remove_dir_all(build);
    Ok(())
}
