//! Toolchains of rustup.

use std::{fs, path::PathBuf, process::Command};

use anyhow::Context as _;

use crate::{command, paths};

/// The names of all installed toolchains.
///
/// An example is `1.88.0-x86_64-unknown-linux-gnu`.
///
/// # Errors
///
/// If rustup is not installed.
pub fn installed() -> anyhow::Result<Vec<String>> {
    let list = command::run_quietly(Command::new("rustup").args(["toolchain", "list"]))?;
    let name = |line: &str| line.split(' ').next().map(str::to_owned);
    Ok(list.lines().filter_map(name).collect())
}

/// The first toolchain of `version`.
///
/// It is a version without its patch, or a channel.
pub fn of(version: &str) -> Option<String> {
    let is_of = |name: &String| {
        let rest = name.strip_prefix(version);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
    };
    installed().ok()?.into_iter().find(is_of)
}

/// A script that runs rustdoc with its unstable options, whatever the toolchain.
///
/// docs.rs and the description of an API as JSON need unstable options of rustdoc. Only rustdoc gets the variable that
/// allows them, because build scripts would take the compiler for a nightly one.
pub fn unstable_rustdoc() -> anyhow::Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let file = paths::tools().join("unstable-rustdoc");
    fs::create_dir_all(paths::tools())?;
    fs::write(&file, "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc \"$@\"\n")
        .and_then(|()| fs::set_permissions(&file, fs::Permissions::from_mode(0o755)))
        .with_context(|| file.display().to_string())?;
    Ok(file)
}
