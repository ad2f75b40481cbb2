//! What must hold between files that no compiler compares: one version of each facade, and only licences that
//! `.deny.toml` allows.
//!
//! `.deny.toml` is read, not repeated, so that `cargo deny check` and this say the same; this needs no installation.

use std::{collections::BTreeMap, process::Command};

use anyhow::{Context as _, bail};
use serde_json::Value;
use support::{command, paths};

struct Package {
    name: String,
    version: String,
    license: Option<String>,
}

/// Every package that the workspace can pull in, on every platform.
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
    // Cargo's own messages come on the other stream, before the one line of JSON.
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

/// There is one version of every facade.
pub(crate) fn one_version_each() -> anyhow::Result<()> {
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
            "more than one version of {twice:?}; find out who needs which with: cargo tree --duplicates"
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

/// Every dependency may be used under a licence that `.deny.toml` allows.
pub(crate) fn licences() -> anyhow::Result<()> {
    let deny = deny()?;
    let allowed: Vec<_> = list(&deny, "licenses", "allow")?
        .iter()
        .filter_map(toml::Value::as_str)
        .collect();

    // What a package leaves out, read by a person.
    let clarified: BTreeMap<_, _> = list(&deny, "licenses", "clarify")?
        .iter()
        .filter_map(|package| {
            let text = |key| package.get(key).and_then(toml::Value::as_str);
            Some((text("crate")?, text("expression")?))
        })
        .collect();

    let mut refused = Vec::new();
    for Package {
        name,
        version,
        license,
    } in packages()?
    {
        let clarified = clarified.get(name.as_str()).copied();
        let license = license.as_deref().or(clarified).unwrap_or_default();
        // Older packages write MIT/Apache-2.0.
        let expression = spdx::Expression::parse_mode(license, spdx::ParseMode::LAX);
        let fine = expression.is_ok_and(|expression| {
            expression.evaluate(|requirement| allowed.contains(&requirement.to_string().as_str()))
        });
        if !fine {
            refused.push(format!("{name} {version}: {license:?}"));
        }
    }
    if !refused.is_empty() {
        bail!(
            "not under a licence that .deny.toml allows:\n  {}",
            refused.join("\n  ")
        );
    }
    Ok(())
}
