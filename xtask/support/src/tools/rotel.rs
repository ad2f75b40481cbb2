//! rotel, an OTLP collector that is distributed in a Python wheel.
//!
//! It needs no container.

use std::path::PathBuf;

use anyhow::bail;

use super::python;
use crate::paths;

/// Finds or installs the program.
pub fn rotel() -> anyhow::Result<PathBuf> {
    let folder = paths::tools().join("rotel");
    let program = folder.join("rotel").join("rotel-agent");
    if program.exists() {
        return Ok(program);
    }
    // rotel needs its dependencies only if it is used from Python.
    python::install("rotel", &folder, &["--no-deps"])?;
    if !program.exists() {
        bail!("the wheel of rotel does not contain {}", program.display());
    }
    Ok(program)
}
