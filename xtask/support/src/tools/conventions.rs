//! OpenTelemetry's semantic conventions, from its JavaScript and Python packages.

use std::path::PathBuf;

use anyhow::Context as _;

use super::{npm, python};
use crate::paths;

/// Names of attributes and metrics, and which are deprecated.
///
/// Pinned, because emitted names change only on purpose.
const NAMES: &str = "@opentelemetry/semantic-conventions@1.45.0";

/// Instruments and units of metrics, which the JavaScript package does not have.
///
/// The newest release covers version 1.44.0 of the conventions.
const METRICS: &str = "opentelemetry-semantic-conventions==0.66b2";

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
    // Each version has a folder, so a new version is fetched.
    let folder = |package: &str| {
        paths::tools().join(
            package
                .trim_start_matches('@')
                .replace(['/', '@', '='], "-"),
        )
    };
    let (names, metrics) = (folder(NAMES), folder(METRICS));
    let names_in = names.join("node_modules/@opentelemetry/semantic-conventions/dist");
    if !names_in.exists() {
        npm::install("the semantic conventions", &names, &[NAMES]).context(
            "install Node.js 18 or newer with npm, which fetches the semantic conventions by itself",
        )?;
    }
    let metrics_in = metrics.join("opentelemetry/semconv");
    if !metrics_in.exists() {
        python::install(METRICS, &metrics, &["--no-deps"])?;
    }
    Ok(Conventions {
        names: names_in,
        metrics: metrics_in,
        packages: [NAMES, METRICS],
    })
}
