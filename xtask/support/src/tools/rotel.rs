//! rotel, an OTLP collector whose program comes inside a Python wheel: a real collector without a container.

use std::path::PathBuf;

use anyhow::bail;

use super::python;
use crate::paths;

/// The program, or what to do to have it.
pub fn rotel() -> anyhow::Result<PathBuf> {
    let folder = paths::tools().join("rotel");
    let program = folder.join("rotel").join("rotel-agent");
    if program.exists() {
        return Ok(program);
    }
    // The program alone; the packages around it are for Python programs.
    python::install("rotel", &folder, &["--no-deps"])?;
    if !program.exists() {
        bail!("the wheel of rotel holds no {}", program.display());
    }
    Ok(program)
}
