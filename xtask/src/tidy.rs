//! Checks of dependencies: one version of each facade, and allowed licenses.
//!
//! The rules are read from `.deny.toml`, so `cargo deny check` agrees. These checks need no installation.

use std::{collections::BTreeMap, process::Command};

use anyhow::{Context as _, bail};
use serde_json::Value;
use support::{command, paths};

struct Package {
    name: String,
    version: String,
    license: Option<String>,
}

/// Every package that the workspace can depend on, on any platform.
fn packages() -> anyhow::Result<Vec<Package>> {
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
    let json = output
        .lines()
        .find(|line| line.starts_with('{'))
        .context("cargo metadata printed no JSON")?;
    let metadata: Value = serde_json::from_str(json)?;
    let packages = metadata
        .get("packages")
        .and_then(Value::as_array)
        .context("cargo metadata names no packages")?;
    let text =
        |package: &Value, key: &str| package.get(key).and_then(Value::as_str).map(str::to_owned);
    let package = |package| {
        Some(Package {
            name: text(package, "name")?,
            version: text(package, "version")?,
            license: text(package, "license"),
        })
    };
    Ok(packages.iter().filter_map(package).collect())
}

/// Checks that the workspace has one version of every facade.
///
/// The facades are the crates of `bans.deny` with `deny-multiple-versions`.
pub(crate) fn facade_versions() -> anyhow::Result<()> {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for Package { name, version, .. } in packages()? {
        versions.entry(name).or_default().push(version);
    }
    let deny = deny()?;
    let banned = list(&deny, "bans", "deny")?;
    let one_version_only: Vec<_> = banned
        .iter()
        .filter(|ban| ban.get("deny-multiple-versions").is_some())
        .filter_map(|ban| ban.get("crate")?.as_str())
        .collect();
    if one_version_only.is_empty() {
        bail!(".deny.toml: no crate of bans.deny has deny-multiple-versions");
    }
    let twice: Vec<_> = one_version_only
        .into_iter()
        .filter(|name| {
            versions
                .get(*name)
                .is_some_and(|versions| versions.len() > 1)
        })
        .collect();
    if !twice.is_empty() {
        bail!(
            "more than one version of {twice:?}; cargo tree --duplicates shows which crates need them"
        );
    }
    Ok(())
}

fn deny() -> anyhow::Result<toml::Table> {
    let file = paths::root().join(".deny.toml");
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("cannot read {}", file.display()))?;
    toml::from_str(&text).with_context(|| format!("{} does not parse", file.display()))
}

fn list<'a>(deny: &'a toml::Table, table: &str, key: &str) -> anyhow::Result<&'a Vec<toml::Value>> {
    deny.get(table)
        .and_then(|table| table.get(key))
        .and_then(toml::Value::as_array)
        .with_context(|| format!(".deny.toml: no {table}.{key}"))
}

/// Checks that every dependency has a license that `.deny.toml` allows.
pub(crate) fn licenses() -> anyhow::Result<()> {
    let deny = deny()?;
    let allowed: Vec<_> = list(&deny, "licenses", "allow")?
        .iter()
        .filter_map(toml::Value::as_str)
        .collect();

    // Licenses of packages whose manifests have none.
    let clarified: BTreeMap<_, _> = list(&deny, "licenses", "clarify")?
        .iter()
        .filter_map(|package| {
            let text = |key| package.get(key).and_then(toml::Value::as_str);
            Some((text("crate")?, text("expression")?))
        })
        .collect();

    let mut rejected = Vec::new();
    for Package {
        name,
        version,
        license,
    } in packages()?
    {
        let clarified = clarified.get(name.as_str()).copied();
        let license = license.as_deref().or(clarified).unwrap_or_default();
        // Older packages write `MIT/Apache-2.0`, which the strict mode rejects.
        let expression = spdx::Expression::parse_mode(license, spdx::ParseMode::LAX);
        let is_allowed = expression.is_ok_and(|expression| {
            expression.evaluate(|requirement| allowed.contains(&requirement.to_string().as_str()))
        });
        if !is_allowed {
            rejected.push(format!("{name} {version}: {license:?}"));
        }
    }
    if !rejected.is_empty() {
        bail!(
            "licenses not allowed by .deny.toml:\n  {}",
            rejected.join("\n  ")
        );
    }
    Ok(())
}
