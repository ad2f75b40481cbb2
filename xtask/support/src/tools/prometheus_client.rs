//! Prometheus' client library for Python, whose parser of OpenMetrics is the format's reference.

use std::process::Command;

use super::python;
use crate::paths;

/// Pinned, as all that judges pages.
const PACKAGE: &str = "prometheus_client==0.26.0";

/// Python with the library; waits for a script.
pub fn prometheus_client() -> anyhow::Result<Command> {
    let folder = paths::tools().join(PACKAGE.replace("==", "-"));
    if !folder.join("prometheus_client").exists() {
        python::install(PACKAGE, &folder, &["--no-deps"])?;
    }
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", folder);
    Ok(python)
}
