//! Builds the variants and the program that measures, each by itself.
//!
//! In a common build, a feature that one variant enables would be enabled for all.

use std::path::PathBuf;

use support::{command, paths};

use super::{cargo, variant::Variant};

/// Builds the program that measures, and the variants.
pub(crate) fn all(variants: &[&Variant]) -> anyhow::Result<()> {
    let mut packages: Vec<_> = variants.iter().map(|variant| variant.package).collect();
    // Several variants may share a program with different settings.
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

/// The program that sends requests to one variant and reports its cost.
pub(crate) const MEASURE: &str = "measure";
