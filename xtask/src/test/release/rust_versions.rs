//! The oldest compilers that the library supports.
//!
//! `rust-version` holds for the library without the features that depend on sqlx 0.9, which needs a newer compiler.

use std::{
    collections::{BTreeMap, BTreeSet},
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
    let metadata = metadata()?;
    let library = package(&metadata, "firstlight", "")?;
    let features = features(library)?;
    let (with, without): (Vec<_>, Vec<_>) = features
        .keys()
        .map(String::as_str)
        .partition(|feature| enables(&features, feature, &format!("dep:{NEWER}")));
    ensure!(!with.is_empty(), "no feature depends on {NEWER}");
    let all: Vec<_> = features.keys().map(String::as_str).collect();
    let oldest = declared(library)?;
    let newer = declared(package(&metadata, NEWER, "0.9.")?)?;
    for (what, version, features) in [
        (format!("without {NEWER} 0.9"), oldest, without),
        ("with all features".to_owned(), newer, all),
    ] {
        let (major, minor) = version;
        let name = format!("Rust {major}.{minor}: every dependency allows it {what}");
        cases.check(&name, || dependencies(&metadata, version, &features));
        compiles(cases, version, &what, &features);
    }
    cases.check("Rust versions: the book names them", || {
        let page = std::fs::read_to_string(paths::root().join("docs/book/src/supported.md"))?;
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

fn compiles(cases: &mut Cases, (major, minor): Version, what: &str, features: &[&str]) {
    let version = format!("{major}.{minor}");
    let name = format!("Rust {version}: the library compiles {what}");
    let Some(toolchain) = toolchains::of(&version) else {
        let reason = format!(
            "no toolchain of Rust {version}; with `rustup toolchain install {version}`, this suite builds with it. \
             Until then, only clippy has compared the uses of std with the version"
        );
        return cases.unchecked(&name, &reason);
    };
    let mut check = Command::new("cargo");
    check
        .arg(format!("+{toolchain}"))
        .args(["check", "--package", "firstlight", "--locked"])
        .args(["--no-default-features", "--features", &features.join(",")])
        .current_dir(paths::root())
        .env(
            "CARGO_TARGET_DIR",
            paths::target().join("rust").join(&version),
        );
    cases.command(&name, &mut check, |_| Ok(()));
}

/// Checks that no dependency declares a newer version.
fn dependencies(metadata: &Value, version: Version, features: &[&str]) -> anyhow::Result<()> {
    let mut tree = Command::new("cargo");
    tree.args([
        "tree",
        "--package",
        "firstlight",
        "--locked",
        "--target",
        "all",
    ])
    .args(["--no-default-features", "--features", &features.join(",")])
    .args([
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ])
    .current_dir(paths::root());
    let tree = command::run_quietly(&mut tree)?;
    let used: BTreeSet<_> = tree
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?, words.next()?.strip_prefix('v')?))
        })
        .collect();
    ensure!(used.len() > 50, "found only {} dependencies", used.len());
    let mut newer = Vec::new();
    for package in packages(metadata)? {
        let (name, of) = (text(package, "name")?, text(package, "version")?);
        let is_newer = declared(package).is_ok_and(|declared| declared > version);
        if used.contains(&(name, of)) && is_newer {
            newer.push(format!("{name} {of}: {}", text(package, "rust_version")?));
        }
    }
    ensure!(
        newer.is_empty(),
        "these need a newer Rust; an older version may be found with `cargo update --precise`:\n  {}",
        newer.join("\n  ")
    );
    Ok(())
}

fn metadata() -> anyhow::Result<Value> {
    let mut metadata = Command::new("cargo");
    metadata
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--all-features",
        ])
        .current_dir(paths::root());
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
    let mut packages = packages(metadata)?.iter();
    let is_it = |package: &&Value| {
        package["name"] == name
            && package["version"]
                .as_str()
                .is_some_and(|it| it.starts_with(version))
    };
    packages
        .find(is_it)
        .with_context(|| format!("no package {name} {version}"))
}

fn text<'a>(package: &'a Value, key: &str) -> anyhow::Result<&'a str> {
    package[key]
        .as_str()
        .with_context(|| format!("a package has no {key}"))
}

/// The `rust-version` in the manifest of a package.
fn declared(package: &Value) -> anyhow::Result<Version> {
    let version = text(package, "rust_version")?;
    let mut parts = version.split('.').map(str::parse);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok((major, minor)),
        (Some(Ok(major)), None) => Ok((major, 0)),
        _ => anyhow::bail!("found the rust-version {version:?}"),
    }
}

type Features = BTreeMap<String, Vec<String>>;

fn features(package: &Value) -> anyhow::Result<Features> {
    Ok(serde_json::from_value(package["features"].clone())?)
}

/// Whether `feature` enables `wanted`, directly or through other features.
fn enables(features: &Features, feature: &str, wanted: &str) -> bool {
    features.get(feature).is_some_and(|enabled| {
        enabled
            .iter()
            .any(|it| it == wanted || enables(features, it, wanted))
    })
}
