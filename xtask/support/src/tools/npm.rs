//! npm packages, each in its own folder below `target/tools`.

use std::{fs, path::Path, process::Command};

use anyhow::bail;

use crate::{command, tools};

/// Installs `packages`, given with their versions, into `folder`.
///
/// Install scripts of the packages do not run.
pub(super) fn install(what: &str, folder: &Path, packages: &[&str]) -> anyhow::Result<()> {
    if tools::on_path("npm").is_none() || tools::on_path("node").is_none() {
        bail!("node or npm is not on PATH");
    }
    fs::create_dir_all(folder)?;
    let mut npm = Command::new("npm");
    npm.args([
        "install",
        "--no-save",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--loglevel=error",
    ]);
    // Peer dependencies, such as React, are only needed for rendering.
    npm.arg("--legacy-peer-deps")
        .arg("--prefix")
        .arg(folder)
        .args(packages);
    command::run(&format!("fetch {what}"), &mut npm)?;
    Ok(())
}
