//! cargo-generate, which renders the template.
//!
//! An installed release from [`MINIMUM`] on is used. Otherwise a release is built into `target/tools`: the newest, or,
//! with a toolchain that is too old for it, the last that compiles.

use std::{path::PathBuf, process::Command};

use anyhow::Context as _;

use super::cargo_install::cargo_install;
use crate::{command, paths, tools};

/// A `major.minor.patch` version.
type Version = (u32, u32, u32);

/// Finds or installs the program.
pub fn cargo_generate() -> anyhow::Result<PathBuf> {
    let own = paths::tools().join("bin").join("cargo-generate");
    let candidates = [tools::on_path("cargo-generate"), Some(own.clone())];
    let is_recent =
        |program: &PathBuf| version_of(program).is_some_and(|version| version >= MINIMUM);
    if let Some(program) = candidates.into_iter().flatten().find(is_recent) {
        return Ok(program);
    }

    let mut arguments = vec!["cargo-generate"];
    if rustc_version()? < RUSTC_FOR_NEWEST {
        arguments.extend(["--version", LAST_FOR_OLDER_RUSTC]);
    }
    cargo_install(&arguments).context(
        "cargo-generate is needed to render the template; it can also be installed with: cargo install cargo-generate --locked",
    )?;
    Ok(own)
}

fn version_of(program: &PathBuf) -> Option<Version> {
    let output =
        command::run_quietly(Command::new(program).args(["generate", "--version"])).ok()?;
    version_in(&output)
}

fn rustc_version() -> anyhow::Result<Version> {
    let output = command::run_quietly(Command::new("rustc").arg("--version"))?;
    version_in(&output)
        .with_context(|| format!("rustc --version: found {output:?}, expected a version"))
}

/// The first version in `text`.
///
/// Examples of such texts are `rustc 1.95.0 (…)` and `cargo generate-generate 0.23.14`.
fn version_in(text: &str) -> Option<Version> {
    text.split_whitespace().find_map(|word| {
        let mut parts = word.split(['.', '-']).map(str::parse);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch))) => Some((major, minor, patch)),
            _ => None,
        }
    })
}

/// The oldest release that the template is tested with.
const MINIMUM: Version = (0, 23, 14);
/// The compiler that cargo-generate needs from 0.24 on.
const RUSTC_FOR_NEWEST: Version = (1, 96, 0);
/// The last release that older compilers can build.
const LAST_FOR_OLDER_RUSTC: &str = "0.23.14";

#[cfg(test)]
mod tests {
    use super::version_in;

    #[test]
    fn versions_are_found_in_output() {
        assert_eq!(
            version_in("cargo generate-generate 0.23.14\n"),
            Some((0, 23, 14))
        );
        assert_eq!(
            version_in("rustc 1.98.0-nightly (abc 2026-01-01)"),
            Some((1, 98, 0))
        );
        assert_eq!(version_in("no such command"), None);
    }
}
