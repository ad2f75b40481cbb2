//! OpenTelemetry's semantic conventions as its packages for JavaScript and Python have them.

use std::path::PathBuf;

use anyhow::Context as _;

use super::{npm, python};
use crate::paths;

/// Names, and which of them are deprecated. Pinned: what is emitted changes with it, deliberately.
const NAMES: &str = "@opentelemetry/semantic-conventions@1.45.0";

/// Instruments and units of metrics, which the package for JavaScript leaves out. The newest there is has the conventions' 1.44.0.
const METRICS: &str = "opentelemetry-semantic-conventions==0.66b2";

/// Where both packages are, and what they are.
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
    // A folder for each version, so that a new one is fetched.
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
