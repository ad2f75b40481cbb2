//! The programs, each built by itself: a feature that one variant switches on would be on in all others of the same build.

use std::path::PathBuf;

use support::{command, paths};

use super::{cargo, variant::Variant};

/// Builds the program that measures, and the variants.
pub(crate) fn all(variants: &[&Variant]) -> anyhow::Result<()> {
    let mut packages: Vec<_> = variants.iter().map(|variant| variant.package).collect();
    // One program may be measured with several settings.
    packages.dedup();
    for package in std::iter::once(MEASURE).chain(packages) {
        let mut build = cargo();
        build
            .args(["build", "--release", "--package", package])
            .env("CARGO_TARGET_DIR", target());
        command::run(&format!("build {package}"), &mut build)?;
    }
    Ok(())
}

pub(crate) fn program(package: &str) -> PathBuf {
    target().join("release").join(package)
}

pub(crate) fn target() -> PathBuf {
    paths::target().join("bench")
}

/// Loads one variant and says what it cost.
pub(crate) const MEASURE: &str = "measure";
