//! Prometheus' Python client library, with the reference parser of OpenMetrics.

use std::process::Command;

use super::python;
use crate::paths;

/// Pinned, because the parser decides whether a test passes.
const PACKAGE: &str = "prometheus_client==0.26.0";

/// The command of Python with the library; the caller adds a script.
pub fn prometheus_client() -> anyhow::Result<Command> {
    let folder = paths::tools().join(PACKAGE.replace("==", "-"));
    if !folder.join("prometheus_client").exists() {
        python::install(PACKAGE, &folder, &["--no-deps"])?;
    }
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", folder);
    Ok(python)
}
