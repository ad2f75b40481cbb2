//! The oldest compilers that the library supports.
//!
//! `rust-version` holds for the library without the features that depend on sqlx 0.9, which needs a newer compiler. A
//! program of that version is resolved and built, because cargo then chooses dependencies that allow the version. The lock
//! file of this workspace also has the dependencies of all other features.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use support::{Cases, command, paths, toolchains};

/// The dependency that needs a newer compiler than the library.
const NEWER: &str = "sqlx";

/// A version as `major.minor`, in order.
type Version = (u32, u32);

pub(super) fn cases(cases: &mut Cases) -> anyhow::Result<()> {
    let metadata = metadata(paths::root())?;
    let library = package(&metadata, "firstlight", "")?;
    let features: Features = serde_json::from_value(library["features"].clone())?;
    let newer = format!("dep:{NEWER}");
    let (with, without): (Vec<_>, Vec<_>) = features
        .keys()
        .map(String::as_str)
        .partition(|feature| enables(&features, feature, &newer));
    ensure!(!with.is_empty(), "no feature depends on {NEWER}");
    let all: Vec<_> = features.keys().map(String::as_str).collect();
    let oldest = declared(library).context("the library has no rust-version")?;
    let newer = declared(package(&metadata, NEWER, "0.9.")?);
    let newer = newer.with_context(|| format!("{NEWER} has no rust-version"))?;
    for (what, version, features) in [
        (format!("without {NEWER} 0.9"), oldest, without),
        ("with all features".to_owned(), newer, all),
    ] {
        let (major, minor) = version;
        let name = format!("Rust {major}.{minor}: dependencies allow it {what}");
        let program = paths::target().join(format!("rust/{major}.{minor}"));
        if cases.check(&name, || resolve(&program, version, &features)) {
            compiles(cases, &program, version, &what);
        }
    }
    cases.check("Rust: the book names the oldest versions", || {
        let page = fs::read_to_string(paths::root().join("docs/book/src/supported.md"))?;
        for (major, minor) in [oldest, newer] {
            let version = format!("Rust {major}.{minor}");
            ensure!(
                page.contains(&version),
                "supported.md does not name {version}"
            );
        }
        Ok(())
    });
    Ok(())
}

fn compiles(cases: &mut Cases, program: &Path, (major, minor): Version, what: &str) {
    let version = format!("{major}.{minor}");
    let name = format!("Rust {version}: the library compiles {what}");
    let Some(toolchain) = toolchains::of(&version) else {
        let reason = format!(
            "no toolchain of Rust {version}; with `rustup toolchain install {version}`, this suite builds with it. \
             Clippy has compared the uses of std with the version"
        );
        return cases.unchecked(&name, &reason);
    };
    let mut check = Command::new("cargo");
    check
        .arg(format!("+{toolchain}"))
        .args(["check", "--locked"])
        .current_dir(program)
        .env("CARGO_TARGET_DIR", program.join("target"));
    cases.command(&name, &mut check, |_| Ok(()));
}

/// Writes a program of the version, and checks its dependencies.
///
/// None may declare a newer version.
fn resolve(program: &Path, version: Version, features: &[&str]) -> anyhow::Result<()> {
    let (major, minor) = version;
    let manifest = format!(
        "[package]\nname = \"program\"\nedition = \"2024\"\nrust-version = \"{major}.{minor}\"\n\n[workspace]\n\n\
         [dependencies.firstlight]\npath = {:?}\ndefault-features = false\nfeatures = {features:?}\n",
        paths::library()
    );
    fs::create_dir_all(program.join("src"))?;
    fs::write(program.join("Cargo.toml"), manifest)?;
    fs::write(program.join("src/main.rs"), "fn main() {}\n")?;
    let mut lock = Command::new("cargo");
    lock.arg("generate-lockfile").current_dir(program);
    command::run_quietly(&mut lock)?;
    let metadata = metadata(program)?;
    let packages = packages(&metadata)?;
    ensure!(
        packages.len() > 50,
        "found only {} packages",
        packages.len()
    );
    let newer: Vec<_> = packages
        .iter()
        .filter(|package| declared(package).is_some_and(|declared| declared > version))
        .map(|package| {
            format!(
                "{} {}: {}",
                package["name"], package["version"], package["rust_version"]
            )
        })
        .collect();
    ensure!(
        newer.is_empty(),
        "these need a newer Rust, and no older version fits:\n  {}",
        newer.join("\n  ")
    );
    Ok(())
}

fn metadata(folder: impl Into<PathBuf>) -> anyhow::Result<Value> {
    let mut metadata = Command::new("cargo");
    metadata
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(folder.into());
    // Cargo's messages on standard error come before the single line of JSON.
    let output = command::run_quietly(&mut metadata)?;
    let json = output.lines().find(|line| line.starts_with('{'));
    Ok(serde_json::from_str(
        json.context("cargo metadata printed no JSON")?,
    )?)
}

fn packages(metadata: &Value) -> anyhow::Result<&Vec<Value>> {
    let packages = metadata.get("packages").and_then(Value::as_array);
    packages.context("cargo metadata names no packages")
}

fn package<'a>(metadata: &'a Value, name: &str, version: &str) -> anyhow::Result<&'a Value> {
    let starts = |it: &Value| it.as_str().is_some_and(|it| it.starts_with(version));
    let mut packages = packages(metadata)?.iter();
    packages
        .find(|package| package["name"] == name && starts(&package["version"]))
        .with_context(|| format!("no package {name} {version}"))
}

/// The `rust-version` in the manifest of a package.
fn declared(package: &Value) -> Option<Version> {
    let mut parts = package["rust_version"].as_str()?.split('.').map(str::parse);
    let major = parts.next()?.ok()?;
    Some((major, parts.next().and_then(Result::ok).unwrap_or(0)))
}

type Features = BTreeMap<String, Vec<String>>;

/// Whether `feature` enables `wanted`, directly or through other features.
fn enables(features: &Features, feature: &str, wanted: &str) -> bool {
    features.get(feature).is_some_and(|enabled| {
        enabled
            .iter()
            .any(|it| it == wanted || enables(features, it, wanted))
    })
}
