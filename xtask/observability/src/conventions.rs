//! `cargo xtask conventions`: the names of OpenTelemetry's semantic conventions.
//!
//! The names come from OpenTelemetry's packages on npm and PyPI and are listed one per line. The list is committed, so that
//! the library's tests need no network to compare emitted names with it. The suite `observability` compares the list with
//! the packages.
//! Events and the values of attributes are not listed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use support::{
    paths,
    tools::{self, Conventions},
    ui,
};

/// The path of the list.
const LIST: &str = "telemetry-crate/tests/tidy/conventions.txt";

/// Arguments of `cargo xtask conventions`.
#[derive(Debug, clap::Args)]
pub struct ConventionsArgs {
    /// Write nothing; fail if the committed list is out of date.
    #[arg(long)]
    check: bool,
}

/// Writes the list, or compares the committed one.
pub fn run(args: &ConventionsArgs) -> anyhow::Result<ExitCode> {
    if args.check {
        check()?;
    } else {
        fs::write(paths::root().join(LIST), list()?)?;
        ui::line(format!("  wrote {LIST}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Fails if the committed list differs from the packages.
pub(crate) fn check() -> anyhow::Result<()> {
    if fs::read_to_string(paths::root().join(LIST))? != list()? {
        bail!("{LIST} differs from the packages; run cargo xtask conventions");
    }
    Ok(())
}

/// The text of the list, from the packages.
fn list() -> anyhow::Result<String> {
    let conventions = tools::conventions()?;
    let names = Names::of(&conventions.names)?;
    let instruments = instruments(&conventions.metrics)?;
    let Conventions { packages, .. } = &conventions;
    let mut list = format!(
        "# Written by `cargo xtask conventions` from {} (npm) and {} (PyPI).\n",
        packages[0], packages[1]
    );
    for (name, replaced_by) in &names.deprecated {
        list += &format!("deprecated {name} {replaced_by}\n");
    }
    for name in &names.attributes {
        list += &format!("attribute {name}\n");
    }
    for name in &names.metrics {
        // A renamed metric keeps its instrument and its unit. The Python package may list them under the
        // old name only.
        let old = names.deprecated.iter().find(|(_, new)| *new == name);
        let found = instruments.get(name).or_else(|| instruments.get(old?.0));
        let (instrument, unit) = found.map_or(("?", "?"), |(a, b)| (a, b));
        list += &format!("metric {name} {instrument} {unit}\n");
    }
    Ok(list)
}

/// The names in the npm package.
#[derive(Debug, Default)]
struct Names {
    attributes: BTreeSet<String>,
    metrics: BTreeSet<String>,
    /// Deprecated attributes and metrics, each with its replacement.
    ///
    /// The replacement is empty if the package names none.
    deprecated: BTreeMap<String, String>,
}

impl Names {
    /// Reads the names from the modules in `folder`.
    fn of(folder: &Path) -> anyhow::Result<Self> {
        let mut names = Self::default();
        for file in [
            "stable_attributes.mjs",
            "stable_metrics.mjs",
            "experimental_attributes.mjs",
            "experimental_metrics.mjs",
        ] {
            let text = fs::read_to_string(folder.join(file)).context(file)?;
            names.read(&text);
        }
        Ok(names)
    }

    /// Adds the names that a JavaScript module defines.
    fn read(&mut self, module: &str) {
        let mut deprecated = None;
        for line in module.lines() {
            if line.starts_with("/**") {
                deprecated = None;
            } else if let Some((_, reason)) = line.split_once("@deprecated") {
                let name = reason.split_once("Replaced by `");
                let name = name.and_then(|(_, name)| name.split_once('`'));
                deprecated = Some(name.map_or("", |(name, _)| name).to_owned());
            } else if let Some((constant, value)) = line
                .strip_prefix("const ")
                .and_then(|line| line.split_once(" = "))
            {
                // The name of a template attribute ends in `.${key}`.
                let value = value.trim_start_matches("(key) => ");
                let name = value.trim_matches(['"', '`', ';']).replace(".${key}", "");
                let is_metric = constant.starts_with("METRIC_");
                if !is_metric && !constant.starts_with("ATTR_") {
                    continue;
                }
                match deprecated.take() {
                    Some(replaced_by) => {
                        self.deprecated.insert(name, replaced_by);
                    }
                    None if is_metric => {
                        self.metrics.insert(name);
                    }
                    None => {
                        self.attributes.insert(name);
                    }
                }
            }
        }
    }
}

/// The instrument and the unit of each metric, from the Python package.
fn instruments(folder: &Path) -> anyhow::Result<BTreeMap<String, (String, String)>> {
    let mut instruments = BTreeMap::new();
    for folder in [folder.join("metrics"), folder.join("_incubating/metrics")] {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "py") {
                continue;
            }
            let (mut name, mut instrument) = (None, None);
            for line in fs::read_to_string(path)?.lines() {
                if let Some((_, value)) = line.split_once(": Final = ") {
                    name = Some(value.trim_matches('"').to_owned());
                } else if let Some(value) = line.strip_prefix("Instrument: ") {
                    instrument = Some(value.to_owned());
                } else if let Some(unit) = line.strip_prefix("Unit: ")
                    && let (Some(name), Some(instrument)) = (name.take(), instrument.take())
                {
                    instruments.insert(name, (instrument, unit.to_owned()));
                }
            }
        }
    }
    Ok(instruments)
}
