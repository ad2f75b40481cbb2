//! `.env.example`, against what the library reads.

use std::fs;

use anyhow::{Context as _, ensure};
use firstlight::config::VARIABLES;
use support::paths;

use super::kubernetes::known_variable;

/// `#NAME=value` shows a default: the value is empty, or one that the library's own table calls the default.
pub(super) fn are_right() -> anyhow::Result<()> {
    let example = fs::read_to_string(paths::template().join(".env.example"))?;
    let mut known = 0;
    let prose = |line: &&str| line.starts_with("# ") || line.starts_with("{%");
    for line in example.lines().filter(|line| !prose(line)) {
        let Some(line) = line.strip_prefix('#') else {
            ensure!(
                line.is_empty(),
                "{line:?} would be set by a copy of the file"
            );
            continue;
        };
        let (name, value) = line.split_once('=').with_context(|| line.to_owned())?;
        known_variable(name)?;
        let Some(variable) = VARIABLES.iter().find(|variable| variable.name == name) else {
            continue;
        };
        known += 1;
        let (default, named) = (variable.default, value.contains("{{project-name}}"));
        ensure!(
            value.is_empty() || named || default.contains(&format!("`{value}`")),
            "{name}: found {value}, expected {default}"
        );
    }
    ensure!(known > 10, "found {known} of the library's variables");
    Ok(())
}
