//! The crates that each Cargo feature of the library adds.

use std::{collections::BTreeSet, fmt::Write as _, process::Command};

use anyhow::Context as _;
use serde_json::{Value, json};
use support::{command, paths, ui};

/// Counts the crates of the library without features and with each one.
pub(crate) fn measure() -> anyhow::Result<Value> {
    let step = ui::Step::start("crates of features", "cargo tree, with each feature");
    let mut metadata = cargo();
    metadata.args(["metadata", "--no-deps", "--format-version", "1"]);
    let metadata = command::run_quietly(&mut metadata)?;
    // The output includes standard error.
    let metadata = metadata.lines().find(|line| line.starts_with('{'));
    let metadata: Value = serde_json::from_str(metadata.context("found no metadata")?)?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let library = packages.iter().find(|package| package["name"] == LIBRARY);
    let features = library.context("no library")?["features"].as_object();
    let features = features.context("the library has no features")?;
    let defaults = features.get("default").and_then(Value::as_array);

    let without = crates(None)?;
    let mut counts = Vec::new();
    for feature in features.keys().filter(|feature| *feature != "default") {
        let with = crates(Some(feature))?;
        let added: Vec<_> = with.difference(&without).collect();
        counts.push(json!({
            "feature": feature,
            "default": defaults.is_some_and(|defaults| defaults.iter().any(|it| it == feature)),
            "crates": added,
        }));
    }
    step.done("");
    Ok(json!({ "without": without.len(), "features": counts }))
}

/// The crates that a program links with the library, by name and version.
fn crates(feature: Option<&str>) -> anyhow::Result<BTreeSet<String>> {
    let mut tree = cargo();
    tree.args(["tree", "--package", LIBRARY, "--no-default-features"]);
    tree.args(["--edges", "normal", "--prefix", "none", "--format", "={p}"]);
    if let Some(feature) = feature {
        tree.args(["--features", feature]);
    }
    let output = command::run_quietly(&mut tree)?;
    let package = |line: &str| {
        let mut words = line.strip_prefix('=')?.split_whitespace();
        let name = words.next().filter(|name| *name != LIBRARY)?;
        Some(format!("{name} {}", words.next()?))
    };
    Ok(output.lines().filter_map(package).collect())
}

fn cargo() -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(paths::root());
    cargo
}

/// The part of the page, after the table of builds.
///
/// # Errors
///
/// If the stored counts have another form.
pub(crate) fn render(page: &mut String, counts: &Value) -> anyhow::Result<()> {
    let without = counts["without"].as_u64().context("the number of crates")?;
    let mut rows = Vec::new();
    for count in counts["features"].as_array().context("features")? {
        let feature = count["feature"].as_str().context("a feature's name")?;
        let crates = count["crates"].as_array().context("a feature's crates")?;
        let crates: Vec<_> = crates.iter().filter_map(Value::as_str).collect();
        let is_default = count["default"].as_bool().unwrap_or_default();
        rows.push((!is_default, feature, crates));
    }
    // Default features are first.
    rows.sort();
    writeln!(
        page,
        "\nThe library without features has {without} crates besides itself. Each feature adds these to them:\n\n\
         | feature | default | crates | |\n| --- | --- | ---: | --- |"
    )?;
    for (is_optional, feature, crates) in rows {
        let names = match crates.len() {
            0..=MOST_NAMES => crates.join(", "),
            _ => String::new(),
        };
        let default = if is_optional { "" } else { "yes" };
        writeln!(
            page,
            "| `{feature}` | {default} | {} | {names} |",
            crates.len()
        )?;
    }
    writeln!(page, "\n{DEFAULT}")?;
    Ok(())
}

const LIBRARY: &str = "firstlight";

/// The most crates that are shown by name.
const MOST_NAMES: usize = 6;

/// The reason for each default feature.
const DEFAULT: &str = "\
`otlp-gzip` is the only default. Prometheus asks each target for gzip, which makes an exposition about a tenth as long
([What a scrape costs](#what-a-scrape-costs)), and an operator can compress exports by a variable only if the code is compiled in.";

#[cfg(test)]
mod tests {
    use super::{json, render};

    #[test]
    fn default_features_are_first() {
        let counts = json!({
            "without": 90,
            "features": [
                { "feature": "axum", "default": false, "crates": ["a v1", "b v1", "c v1", "d v1", "e v1", "f v1", "g v1"] },
                { "feature": "otlp-gzip", "default": true, "crates": ["flate2 v1.1.9"] },
            ],
        });
        let mut page = String::new();
        let rendered = render(&mut page, &counts);
        assert!(rendered.is_ok(), "{rendered:?}");
        let rows: Vec<_> = page
            .lines()
            .filter(|line| line.starts_with("| `"))
            .collect();
        assert_eq!(
            rows,
            [
                "| `otlp-gzip` | yes | 1 | flate2 v1.1.9 |",
                "| `axum` |  | 7 |  |"
            ]
        );
    }
}
