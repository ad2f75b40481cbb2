//! axe-core, which finds accessibility violations in a page, from npm.

use std::fs;

use anyhow::Context as _;

use super::npm;
use crate::paths;

/// Pinned, because a new release may add rules.
const PACKAGE: &str = "axe-core@4.14.1";

/// Returns the source of axe-core's script.
///
/// Installs it below `target/tools` if it is not there.
pub fn axe() -> anyhow::Result<String> {
    let folder = paths::tools().join("axe-core");
    let script = folder.join("node_modules/axe-core/axe.min.js");
    if !script.exists() {
        npm::install("axe-core", &folder, &[PACKAGE])
            .context("install Node.js 18 or newer with npm, which fetches axe-core by itself")?;
    }
    fs::read_to_string(&script).with_context(|| script.display().to_string())
}
