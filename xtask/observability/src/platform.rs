//! The dashboards and rules for every service, as one artifact.
//!
//! A cluster applies it once. `docs/platform` has a kustomization, which lists those of `docs/alerts` and
//! `docs/dashboards`, and configurations of collectors. A copy has the files below its own folder.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use support::{files, paths, ui};

use crate::{
    addresses::{Addresses, RUNBOOKS},
    alerts, dashboards,
    folder::Folder,
};

const DOCS: &str = "docs/platform";

/// The folder of the configurations of collectors.
///
/// They are for Helm charts, and not for `kubectl`.
const COLLECTORS: &str = "collectors";

/// The queries of postgres_exporter for the database's dashboard.
const QUERIES: &str = "postgres_exporter.yaml";

/// Arguments of `cargo xtask platform`.
#[derive(Debug, Args)]
pub struct PlatformArgs {
    /// Write nothing; fail if the committed file is out of date.
    #[arg(long)]
    check: bool,
    /// Write a copy of everything to this folder, to be applied to your clusters.
    #[arg(long, value_name = "DIR", conflicts_with = "check")]
    destination: Option<PathBuf>,
    #[command(flatten)]
    addresses: Addresses,
}

/// Writes the file, compares it, or writes a copy with all files elsewhere.
pub fn run(args: &PlatformArgs) -> anyhow::Result<ExitCode> {
    if let Some(destination) = &args.destination {
        copy(destination, &args.addresses)?;
        ui::line(format!(
            "  wrote {0}; {0}/README.md says what to do with it",
            destination.display()
        ));
    } else if args.check {
        docs().compare(paths::root())?;
    } else {
        docs().write(paths::root())?;
        ui::line(format!("  {DOCS}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a copy with all files to `destination`, with links to `addresses`.
pub fn copy(destination: &std::path::Path, addresses: &Addresses) -> anyhow::Result<()> {
    // The alerts have links to both addresses, so they are refused before anything is written.
    alerts::docs().copy(&destination.join("alerts"), addresses)?;
    folder(&["alerts", "dashboards"]).copy(destination, addresses)?;
    dashboards::docs()?.copy(&destination.join("dashboards"), addresses)?;
    let docs = paths::root().join(DOCS);
    let collectors = files::read(&docs.join(COLLECTORS))?;
    files::write(&destination.join(COLLECTORS), &collectors)?;
    let queries = paths::root().join("docs/dashboards").join(QUERIES);
    fs::copy(queries, destination.join("dashboards").join(QUERIES)).context(QUERIES)?;
    let about = fs::read_to_string(docs.join("README.md"))?;
    fs::write(destination.join("README.md"), with_absolute_links(&about))?;
    // That of the dashboards is about their folder in the repository.
    fs::remove_file(destination.join("dashboards/README.md")).context("dashboards/README.md")
}

/// The text with links to the repository, in which `docs/platform` is.
fn with_absolute_links(text: &str) -> String {
    let docs = RUNBOOKS.trim_end_matches("runbooks");
    let root = docs.trim_end_matches("docs/");
    text.replace("](../../", &format!("]({root}"))
        .replace("](../", &format!("]({docs}"))
}

pub(crate) fn docs() -> Folder {
    folder(&["../alerts", "../dashboards"]).handwritten(&["README.md", "collectors/"])
}

fn folder(resources: &[&str]) -> Folder {
    let mut text =
        include_str!("platform/kustomization.yaml").replace("{version}", env!("CARGO_PKG_VERSION"));
    for resource in resources {
        text.push_str(&format!("  - {resource}\n"));
    }
    Folder::new(DOCS, "platform", [("kustomization.yaml".to_owned(), text)])
}
