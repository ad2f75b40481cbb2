//! What must hold between files that no compiler compares: one version of each facade, and only licences that
//! `.deny.toml` allows.
//!
//! `.deny.toml` is read, not repeated, so that `cargo deny check` and this say the same; this needs no installation.

use std::{collections::BTreeMap, process::Command};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::{command, paths};

/// Two versions of one of these in a tree mean silence: what is recorded through one never reaches the other.
const ONE_VERSION_ONLY: [&str; 7] = [
    "opentelemetry",
    "opentelemetry_sdk",
    "opentelemetry-proto",
    "metrics",
    "tracing-core",
    "tracing-subscriber",
    "log",
];

struct Package {
    name: String,
    version: String,
    license: Option<String>,
}

/// Every package that the workspace can pull in, on every platform.
fn packages() -> anyhow::Result<Vec<Package>> {
    let mut metadata = Command::new("cargo");
    metadata
        .args(["metadata", "--format-version", "1", "--locked"])
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
    let twice = |name: &&str| {
        versions
            .get(*name)
            .is_some_and(|versions| versions.len() > 1)
    };
    let twice: Vec<_> = ONE_VERSION_ONLY.iter().filter(|name| twice(name)).collect();
    if !twice.is_empty() {
        bail!(
            "more than one version of {twice:?}; find out who needs which with: cargo tree --duplicates"
        );
    }
    Ok(())
}

/// Every dependency may be used under a licence that `.deny.toml` allows.
pub(crate) fn licences() -> anyhow::Result<()> {
    let file = paths::root().join(".deny.toml");
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("cannot read {}", file.display()))?;
    let deny: toml::Table =
        toml::from_str(&text).with_context(|| format!("{} does not parse", file.display()))?;
    let allowed = deny
        .get("licenses")
        .and_then(|licenses| licenses.get("allow"))
        .and_then(toml::Value::as_array);
    let allowed: Vec<_> = allowed
        .context(".deny.toml: no licenses.allow")?
        .iter()
        .filter_map(toml::Value::as_str)
        .collect();

    let mut refused = Vec::new();
    for Package {
        name,
        version,
        license,
    } in packages()?
    {
        let license = license.unwrap_or_default();
        // Older packages write MIT/Apache-2.0.
        let expression = spdx::Expression::parse_mode(&license, spdx::ParseMode::LAX);
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
