//! OpenTelemetry's semantic conventions, from its JavaScript and Python packages.

use std::path::PathBuf;

use anyhow::Context as _;

use super::{npm, python};
use crate::paths;

/// The npm package with the names of attributes and metrics.
///
/// It also marks the deprecated names. The version is pinned, so that the names that firstlight
/// emits change only on purpose.
const NAMES_PACKAGE: &str = "@opentelemetry/semantic-conventions@1.45.0";

/// The Python package with the instruments and units of metrics.
///
/// The npm package does not have them.
/// The newest release covers version 1.44.0 of the conventions.
const METRICS_PACKAGE: &str = "opentelemetry-semantic-conventions==0.66b2";

/// Paths and versions of both packages.
#[derive(Debug)]
pub struct Conventions {
    /// The JavaScript modules.
    pub names: PathBuf,
    /// The Python modules.
    pub metrics: PathBuf,
    /// Both packages with their versions.
    pub packages: [&'static str; 2],
}

/// Finds both packages, or installs them below `target/tools`.
pub fn conventions() -> anyhow::Result<Conventions> {
    // Each version has its own folder, so a new version is fetched.
    let folder = |package: &str| {
        paths::tools().join(
            package
                .trim_start_matches('@')
                .replace(['/', '@', '='], "-"),
        )
    };
    let (names, metrics) = (folder(NAMES_PACKAGE), folder(METRICS_PACKAGE));
    let names_in = names.join("node_modules/@opentelemetry/semantic-conventions/dist");
    if !names_in.exists() {
        npm::install("the semantic conventions", &names, &[NAMES_PACKAGE]).context(
            "install Node.js 18 or newer with npm, which fetches the semantic conventions by itself",
        )?;
    }
    let metrics_in = metrics.join("opentelemetry/semconv");
    if !metrics_in.exists() {
        python::install(METRICS_PACKAGE, &metrics, &["--no-deps"])?;
    }
    Ok(Conventions {
        names: names_in,
        metrics: metrics_in,
        packages: [NAMES_PACKAGE, METRICS_PACKAGE],
    })
}
